ALTER INDEX search_index_tokens_idx SET (gin_pending_list_limit = 32768);
ALTER TABLE notice_scopes DROP CONSTRAINT notice_scopes_in_order_notice_id_fkey;
