DROP TABLE search_index;
DROP TABLE search_segments;
DROP TABLE search_former;
DROP INDEX search_documents_slot_key;
ALTER TABLE search_documents DROP COLUMN slot;
ALTER TABLE commit_order DROP COLUMN slots;
DELETE FROM search_documents;
UPDATE search_progress SET after_notice = NULL, finished_at = NULL;
