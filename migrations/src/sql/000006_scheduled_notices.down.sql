DROP TABLE scheduled_notices;
