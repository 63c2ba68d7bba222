DROP TABLE channel_senders;
DROP TABLE channel_allowances;
