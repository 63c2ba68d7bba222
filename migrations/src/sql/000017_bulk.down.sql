ALTER TABLE notice_scopes ADD CONSTRAINT notice_scopes_in_order_notice_id_fkey
  FOREIGN KEY (notice_id) REFERENCES notices (id);
ALTER INDEX search_index_tokens_idx RESET (gin_pending_list_limit);
