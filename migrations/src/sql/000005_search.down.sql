DROP TABLE notice_views;
DROP TABLE search_progress;
DROP TABLE search_index;
DROP TABLE search_documents;
