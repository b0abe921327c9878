BEGIN TRANSACTION;
CREATE TABLE aside (
	run_id TEXT NOT NULL, 
	source INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	rows INTEGER NOT NULL, 
	first_rows TEXT NOT NULL, 
	PRIMARY KEY (run_id, source, reason), 
	FOREIGN KEY(run_id) REFERENCES run (id)
)
 WITHOUT ROWID

;
CREATE TABLE batch (
	id INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	data_identifier TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	size INTEGER NOT NULL, 
	sent TEXT NOT NULL, 
	answered TEXT, 
	status INTEGER, 
	meaning TEXT, 
	answer TEXT, 
	lease_until TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES run (id)
);
INSERT INTO "batch" VALUES(1,'20261129T014553-e83d18a9','20261129T014553-e83d18a9-1',1,1,'2026-11-29T01:45:54.003Z','2026-11-29T01:45:54.004Z',201,'counted',NULL,NULL);
INSERT INTO "batch" VALUES(2,'20261129T014554-4afdd1e5','20261129T014554-4afdd1e5-1',1,2,'2026-11-29T01:45:54.013Z','2026-11-29T01:45:54.013Z',201,'counted','',NULL);
INSERT INTO "batch" VALUES(3,'20261129T014554-6873dc64','20261129T014554-6873dc64-1',1,1,'2026-11-29T01:45:54.017Z','2026-11-29T01:45:54.017Z',201,'counted','',NULL);
INSERT INTO "batch" VALUES(4,'20261129T014554-c9c734af','20261129T014554-c9c734af-1',1,1,'2026-11-29T01:45:54.020Z','2026-11-29T01:45:54.021Z',201,'counted','',NULL);
CREATE TABLE document (
	id INTEGER NOT NULL, 
	environment TEXT NOT NULL, 
	cid TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	identity TEXT NOT NULL, 
	billnum TEXT, 
	jobtype TEXT, 
	state TEXT NOT NULL, 
	content_hash TEXT NOT NULL, 
	payload TEXT, 
	guarded INTEGER NOT NULL, 
	net TEXT NOT NULL, 
	vat TEXT NOT NULL, 
	total TEXT NOT NULL, 
	custnum TEXT, 
	billdate TEXT, 
	original_id INTEGER, 
	run_id TEXT NOT NULL, 
	batch_id INTEGER, 
	attempt INTEGER NOT NULL, 
	exposed INTEGER NOT NULL, 
	earlier TEXT, 
	jobid TEXT, 
	answer TEXT, 
	updated TEXT NOT NULL, 
	changed_by TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (environment, cid, kind, identity), 
	FOREIGN KEY(original_id) REFERENCES document (id), 
	FOREIGN KEY(run_id) REFERENCES run (id), 
	FOREIGN KEY(batch_id) REFERENCES batch (id), 
	FOREIGN KEY(changed_by) REFERENCES run (id)
);
INSERT INTO "document" VALUES(1,'sandbox','1001','invoice','1000','1000','0','accepted','28a85474a88dfc68ee50641f915a9d9fb7e2de1d3c69bfeb8710d2cde75117e0',NULL,1,'100.00','25.50','125.50',NULL,'2026-10-01',NULL,'20261129T014553-e83d18a9',1,1,0,NULL,NULL,NULL,'2026-11-29T01:45:54.004Z','20261129T014553-e83d18a9','so it was told');
INSERT INTO "document" VALUES(2,'sandbox','1001','invoice','1001','1001','0','accepted','7b50e16cafdaf837a6e81ee36685e025b46b8783a436705075e1676ca9a65c69','{"address":"Mäkikatu 12 B 4","billdate":"2026-10-01","billnum":"1001","city":"KUOPIO","company":"Matin konepaja Oy","customertype":"1","jobtype":"0","paydate":"2026-10-15","payrow":[{"amount":"100.00","count":"1","desc":"Huolto","itemtype":"h","taxpr":"25.5"}],"postcode":"70100"}',1,'100.00','25.50','125.50',NULL,'2026-10-01',NULL,'20261129T014554-4afdd1e5',2,1,0,NULL,NULL,NULL,'2026-11-29T01:45:54.013Z','20261129T014554-4afdd1e5','so it was told');
INSERT INTO "document" VALUES(3,'sandbox','1001','invoice','#cbecbfb88bfd785bfe4ff429359a1372cf84250f19fbcb3e231162574148a4df',NULL,'0','accepted','cbecbfb88bfd785bfe4ff429359a1372cf84250f19fbcb3e231162574148a4df','{"address":"Mäkikatu 12 B 4","billdate":"2026-10-01","city":"KUOPIO","company":"Matin konepaja Oy","customertype":"1","jobtype":"0","paydate":"2026-10-15","payrow":[{"amount":"100.00","count":"1","desc":"Huolto","itemtype":"h","taxpr":"25.5"}],"postcode":"70100"}',0,'100.00','25.50','125.50',NULL,'2026-10-01',NULL,'20261129T014554-4afdd1e5',2,1,0,NULL,NULL,NULL,'2026-11-29T01:45:54.013Z','20261129T014554-4afdd1e5','so it was told');
INSERT INTO "document" VALUES(4,'sandbox','1001','invoice','1002','1002','0','unknown','3a052d6cae37f43129b3330a3311d120c23a981b778a12b5baeb87a01dead097','{"address":"Mäkikatu 12 B 4","billdate":"2026-10-01","billnum":"1002","city":"KUOPIO","company":"Matin konepaja Oy","customertype":"1","jobtype":"0","paydate":"2026-10-15","payrow":[{"amount":"100.00","count":"1","desc":"Huolto","itemtype":"h","taxpr":"25.5"}],"postcode":"70100"}',1,'100.00','25.50','125.50',NULL,'2026-10-01',NULL,'20261129T014554-6873dc64',3,1,1,NULL,NULL,NULL,'2026-11-29T01:45:54.017Z','20261129T014554-6873dc64','so it was told');
INSERT INTO "document" VALUES(5,'sandbox','1001','invoice','1003','1003','0','planned','2180d6492a82429649921642de067afad77b87a1f0a4a07ca9ed5678a4373863','{"address":"Mäkikatu 12 B 4","billdate":"2026-10-01","billnum":"1003","city":"KUOPIO","company":"Matin konepaja Oy","customertype":"1","jobtype":"0","paydate":"2026-10-15","payrow":[{"amount":"7.00","count":"1","desc":"Huolto","itemtype":"h","taxpr":"25.5"}],"postcode":"70100"}',1,'7.00','1.78','8.78',NULL,'2026-10-01',NULL,'20261129T014554-f1744935',4,1,0,'[{"content_hash":"b51dd01f00776e71651cfcd7d877e0ae8cfad849bf2698d32b9b814bdff910d7","payload":"{\"address\":\"Mäkikatu 12 B 4\",\"billdate\":\"2026-10-01\",\"billnum\":\"1003\",\"city\":\"KUOPIO\",\"company\":\"Matin konepaja Oy\",\"customertype\":\"1\",\"jobtype\":\"0\",\"paydate\":\"2026-10-15\",\"payrow\":[{\"amount\":\"100.00\",\"count\":\"1\",\"desc\":\"Huolto\",\"itemtype\":\"h\",\"taxpr\":\"25.5\"}],\"postcode\":\"70100\"}","net":"100.00","vat":"25.50","total":"125.50","custnum":null,"billdate":"2026-10-01","original_id":null,"jobtype":"0","guarded":1}]',NULL,NULL,'2026-11-29T01:45:54.026Z','20261129T014554-f1744935','planned');
INSERT INTO "document" VALUES(6,'sandbox','1001','invoice','1004','1004','0','planned','4d98b66eaf56dcaa0cd0cacafcae8045242bbd3cd2a97103a6e7637fc90eec81','{"address":"Mäkikatu 12 B 4","billdate":"2026-10-01","billnum":"1004","city":"KUOPIO","company":"Matin konepaja Oy","customertype":"1","jobtype":"0","paydate":"2026-10-15","payrow":[{"amount":"100.00","count":"1","desc":"Huolto","itemtype":"h","taxpr":"25.5"}],"postcode":"70100"}',1,'100.00','25.50','125.50',NULL,'2026-10-01',NULL,'20261129T014554-f1744935',NULL,0,0,NULL,NULL,NULL,'2026-11-29T01:45:54.026Z','20261129T014554-f1744935','planned');
CREATE TABLE event (
	id INTEGER NOT NULL, 
	document_id INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	run_id TEXT, 
	batch_id INTEGER, 
	from_state TEXT, 
	to_state TEXT NOT NULL, 
	detail TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(document_id) REFERENCES document (id), 
	FOREIGN KEY(run_id) REFERENCES run (id), 
	FOREIGN KEY(batch_id) REFERENCES batch (id)
);
INSERT INTO "event" VALUES(1,1,'2026-11-29T01:45:54.001Z','20261129T014553-e83d18a9',NULL,NULL,'planned','planned');
INSERT INTO "event" VALUES(2,1,'2026-11-29T01:45:54.003Z','20261129T014553-e83d18a9',1,'planned','sending','in batch 20261129T014553-e83d18a9-1');
INSERT INTO "event" VALUES(3,1,'2026-11-29T01:45:54.004Z','20261129T014553-e83d18a9',1,'sending','accepted','so it was told');
INSERT INTO "event" VALUES(4,2,'2026-11-29T01:45:54.012Z','20261129T014554-4afdd1e5',NULL,NULL,'planned','planned');
INSERT INTO "event" VALUES(5,3,'2026-11-29T01:45:54.012Z','20261129T014554-4afdd1e5',NULL,NULL,'planned','planned');
INSERT INTO "event" VALUES(6,2,'2026-11-29T01:45:54.013Z','20261129T014554-4afdd1e5',2,'planned','sending','in batch 20261129T014554-4afdd1e5-1');
INSERT INTO "event" VALUES(7,3,'2026-11-29T01:45:54.013Z','20261129T014554-4afdd1e5',2,'planned','sending','in batch 20261129T014554-4afdd1e5-1');
INSERT INTO "event" VALUES(8,2,'2026-11-29T01:45:54.013Z','20261129T014554-4afdd1e5',2,'sending','accepted','so it was told');
INSERT INTO "event" VALUES(9,3,'2026-11-29T01:45:54.013Z','20261129T014554-4afdd1e5',2,'sending','accepted','so it was told');
INSERT INTO "event" VALUES(10,4,'2026-11-29T01:45:54.016Z','20261129T014554-6873dc64',NULL,NULL,'planned','planned');
INSERT INTO "event" VALUES(11,4,'2026-11-29T01:45:54.017Z','20261129T014554-6873dc64',3,'planned','sending','in batch 20261129T014554-6873dc64-1');
INSERT INTO "event" VALUES(12,4,'2026-11-29T01:45:54.017Z','20261129T014554-6873dc64',3,'sending','unknown','so it was told');
INSERT INTO "event" VALUES(13,5,'2026-11-29T01:45:54.019Z','20261129T014554-c9c734af',NULL,NULL,'planned','planned');
INSERT INTO "event" VALUES(14,5,'2026-11-29T01:45:54.020Z','20261129T014554-c9c734af',4,'planned','sending','in batch 20261129T014554-c9c734af-1');
INSERT INTO "event" VALUES(15,5,'2026-11-29T01:45:54.021Z','20261129T014554-c9c734af',4,'sending','unknown','so it was told');
INSERT INTO "event" VALUES(16,5,'2026-11-29T01:45:54.024Z','20261129T014554-90e2535f',4,'unknown','planned','not found');
INSERT INTO "event" VALUES(17,6,'2026-11-29T01:45:54.026Z','20261129T014554-f1744935',NULL,NULL,'planned','planned');
INSERT INTO "event" VALUES(18,5,'2026-11-29T01:45:54.026Z','20261129T014554-f1744935',4,'planned','planned','planned');
CREATE TABLE finding (
	run_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	invoice_number BIGINT, 
	code TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	file TEXT, 
	sheet TEXT, 
	"row" INTEGER, 
	"column" TEXT, 
	cell TEXT, 
	field TEXT, 
	value TEXT, 
	message TEXT NOT NULL, 
	remedy TEXT NOT NULL, 
	billnum TEXT, 
	PRIMARY KEY (run_id, number), 
	FOREIGN KEY(run_id) REFERENCES run (id)
)
 WITHOUT ROWID

;
CREATE TABLE invoice (
	run_id TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	document_id INTEGER, 
	kind TEXT NOT NULL, 
	billnum TEXT, 
	jobtype TEXT, 
	customer TEXT, 
	billdate TEXT, 
	outcome TEXT NOT NULL, 
	net TEXT NOT NULL, 
	vat TEXT NOT NULL, 
	total TEXT NOT NULL, 
	rows TEXT NOT NULL, 
	PRIMARY KEY (run_id, number), 
	FOREIGN KEY(run_id) REFERENCES run (id), 
	FOREIGN KEY(document_id) REFERENCES document (id)
)
 WITHOUT ROWID

;
INSERT INTO "invoice" VALUES('20261129T014553-e83d18a9',2,1,'invoice','1000','0',NULL,'2026-10-01','accepted','100.00','25.50','125.50','[[0,2,2]]');
INSERT INTO "invoice" VALUES('20261129T014554-4afdd1e5',2,2,'invoice','1001','0','Matin konepaja Oy','2026-10-01','accepted','100.00','25.50','125.50','[[0,2,2]]');
INSERT INTO "invoice" VALUES('20261129T014554-4afdd1e5',3,3,'invoice',NULL,'0','Matin konepaja Oy','2026-10-01','accepted','100.00','25.50','125.50','[[0,3,3]]');
INSERT INTO "invoice" VALUES('20261129T014554-6873dc64',2,4,'invoice','1002','0','Matin konepaja Oy','2026-10-01','unknown','100.00','25.50','125.50','[[0,2,2]]');
INSERT INTO "invoice" VALUES('20261129T014554-c9c734af',2,5,'invoice','1003','0','Matin konepaja Oy','2026-10-01','unknown','100.00','25.50','125.50','[[0,2,2]]');
INSERT INTO "invoice" VALUES('20261129T014554-f1744935',2,5,'invoice','1003','0','Matin konepaja Oy','2026-10-01','not-sent','7.00','1.78','8.78','[[0,2,2]]');
INSERT INTO "invoice" VALUES('20261129T014554-f1744935',3,6,'invoice','1004','0','Matin konepaja Oy','2026-10-01','not-sent','100.00','25.50','125.50','[[0,3,3]]');
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema_version','2');
INSERT INTO "meta" VALUES('hash_key','4652d0e1f3e3225a05a02b2524d2f25a7c936ab7382b2ffbc85b73c290603cd4');
CREATE TABLE outbox (
	document_id INTEGER NOT NULL, 
	environment TEXT NOT NULL, 
	cid TEXT NOT NULL, 
	late INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	size INTEGER NOT NULL, 
	body BLOB NOT NULL, 
	PRIMARY KEY (document_id), 
	FOREIGN KEY(document_id) REFERENCES document (id), 
	FOREIGN KEY(run_id) REFERENCES run (id)
);
CREATE TABLE run (
	id TEXT NOT NULL, 
	command TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	cid TEXT NOT NULL, 
	started TEXT NOT NULL, 
	finished TEXT, 
	exit_code INTEGER, 
	facts TEXT NOT NULL, 
	sources TEXT, 
	totals TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "run" VALUES('20261129T014553-e83d18a9','run','sandbox','1001','2026-11-29T01:45:53.998Z',NULL,NULL,'{}','[{"file":"orders.csv","sheet":null}]',NULL);
INSERT INTO "run" VALUES('20261129T014554-4afdd1e5','run','sandbox','1001','2026-11-29T01:45:54.010Z',NULL,NULL,'{}','[{"file":"orders.csv","sheet":null}]',NULL);
INSERT INTO "run" VALUES('20261129T014554-6873dc64','run','sandbox','1001','2026-11-29T01:45:54.014Z',NULL,NULL,'{}','[{"file":"orders.csv","sheet":null}]',NULL);
INSERT INTO "run" VALUES('20261129T014554-c9c734af','run','sandbox','1001','2026-11-29T01:45:54.018Z',NULL,NULL,'{}','[{"file":"orders.csv","sheet":null}]',NULL);
INSERT INTO "run" VALUES('20261129T014554-90e2535f','run','sandbox','1001','2026-11-29T01:45:54.021Z',NULL,NULL,'{}','[{"file":"orders.csv","sheet":null}]',NULL);
INSERT INTO "run" VALUES('20261129T014554-f1744935','run','sandbox','1001','2026-11-29T01:45:54.024Z',NULL,NULL,'{}','[{"file":"orders.csv","sheet":null}]',NULL);
CREATE TABLE status_answer (
	id INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	question TEXT NOT NULL, 
	asked TEXT NOT NULL, 
	answered TEXT, 
	status INTEGER, 
	updates INTEGER, 
	body TEXT, 
	lost INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES run (id)
);
CREATE TABLE status_update (
	id INTEGER NOT NULL, 
	document_id INTEGER NOT NULL, 
	answer_id INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	words TEXT NOT NULL, 
	told TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (document_id, at, stage, words), 
	FOREIGN KEY(document_id) REFERENCES document (id), 
	FOREIGN KEY(answer_id) REFERENCES status_answer (id), 
	FOREIGN KEY(told) REFERENCES run (id)
);
CREATE TABLE transition (
	from_state TEXT NOT NULL, 
	to_state TEXT NOT NULL, 
	PRIMARY KEY (from_state, to_state)
);
INSERT INTO "transition" VALUES('planned','planned');
INSERT INTO "transition" VALUES('planned','sending');
INSERT INTO "transition" VALUES('refused','planned');
INSERT INTO "transition" VALUES('sending','accepted');
INSERT INTO "transition" VALUES('sending','refused');
INSERT INTO "transition" VALUES('sending','unknown');
INSERT INTO "transition" VALUES('unknown','accepted');
INSERT INTO "transition" VALUES('unknown','planned');
INSERT INTO "transition" VALUES('unknown','refused');
CREATE INDEX batch_run ON batch (run_id);
CREATE INDEX finding_invoice ON finding (run_id, invoice_number);
CREATE INDEX status_answer_run ON status_answer (run_id);
CREATE INDEX document_open ON document (environment, cid) WHERE (state IN ('sending', 'unknown') OR (state = 'planned' AND exposed = 1));
CREATE INDEX document_billnum ON document (billnum);
CREATE INDEX document_jobid ON document (jobid) WHERE jobid IS NOT NULL;
CREATE INDEX document_original ON document (original_id) WHERE original_id IS NOT NULL;
CREATE INDEX outbox_next ON outbox (environment, cid, late, document_id);
CREATE INDEX event_document ON event (document_id);
CREATE INDEX invoice_document ON invoice (document_id);
CREATE INDEX status_update_refused ON status_update (document_id) WHERE stage = 'refused';
CREATE TRIGGER document_begins BEFORE INSERT ON document WHEN NEW.state <> 'planned'
    BEGIN SELECT RAISE(ABORT, 'a document begins as planned'); END;
CREATE TRIGGER document_moves BEFORE UPDATE OF state ON document
    WHEN NOT EXISTS (SELECT 1 FROM transition WHERE from_state = OLD.state AND to_state = NEW.state)
    BEGIN SELECT RAISE(ABORT, 'this change of state is not allowed'); END;
CREATE TRIGGER document_is_itself BEFORE UPDATE OF environment, cid, kind, identity ON document
    BEGIN SELECT RAISE(ABORT, 'the identity of a document never changes'); END;
CREATE TRIGGER document_stays BEFORE DELETE ON document
    BEGIN SELECT RAISE(ABORT, 'a document is never deleted'); END;
CREATE TRIGGER document_began AFTER INSERT ON document
    BEGIN
        INSERT INTO event (document_id, at, run_id, batch_id, from_state, to_state, detail)
        VALUES (NEW.id, NEW.updated, NEW.changed_by, NEW.batch_id, NULL, NEW.state, NEW.reason);
    END;
CREATE TRIGGER document_moved AFTER UPDATE OF state ON document
    BEGIN
        INSERT INTO event (document_id, at, run_id, batch_id, from_state, to_state, detail)
        VALUES (NEW.id, NEW.updated, NEW.changed_by, NEW.batch_id, OLD.state, NEW.state, NEW.reason);
    END;
CREATE TRIGGER event_stays BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'history is never deleted'); END;
COMMIT;
