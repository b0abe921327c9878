CREATE INDEX batch_run ON batch (run_id);

CREATE INDEX document_billnum ON document (billnum);

CREATE INDEX document_jobid ON document (jobid) WHERE jobid IS NOT NULL;

CREATE INDEX document_open ON document (environment, cid) WHERE (state IN ('sending', 'unknown') OR (state = 'planned' AND exposed = 1));

CREATE INDEX document_original ON document (original_id) WHERE original_id IS NOT NULL;

CREATE INDEX event_document ON event (document_id);

CREATE INDEX finding_invoice ON finding (run_id, invoice_number);

CREATE INDEX invoice_document ON invoice (document_id);

CREATE INDEX outbox_next ON outbox (environment, cid, late, document_id);

CREATE INDEX status_answer_run ON status_answer (run_id);

CREATE INDEX status_update_refused ON status_update (document_id) WHERE stage = 'refused';

CREATE TABLE aside (
    run_id TEXT NOT NULL,
    source INTEGER NOT NULL,
    reason TEXT NOT NULL,
    rows INTEGER NOT NULL,
    first_rows TEXT NOT NULL,
    PRIMARY KEY (run_id, source, reason),
    FOREIGN KEY(run_id) REFERENCES run (id)
)
 WITHOUT ROWID;

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

CREATE TABLE content (
    document_id INTEGER NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (document_id),
    FOREIGN KEY(document_id) REFERENCES document (id)
);

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
 WITHOUT ROWID;

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
 WITHOUT ROWID;

CREATE TABLE meta (
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY ("key")
);

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

CREATE TRIGGER document_began AFTER INSERT ON document
    BEGIN
        INSERT INTO event (document_id, at, run_id, batch_id, from_state, to_state, detail)
        VALUES (NEW.id, NEW.updated, NEW.changed_by, NEW.batch_id, NULL, NEW.state, NEW.reason);
    END;

CREATE TRIGGER document_begins BEFORE INSERT ON document WHEN NEW.state <> 'planned'
    BEGIN SELECT RAISE(ABORT, 'a document begins as planned'); END;

CREATE TRIGGER document_is_itself BEFORE UPDATE OF environment, cid, kind, identity ON document
    BEGIN SELECT RAISE(ABORT, 'the identity of a document never changes'); END;

CREATE TRIGGER document_moved AFTER UPDATE OF state ON document
    BEGIN
        INSERT INTO event (document_id, at, run_id, batch_id, from_state, to_state, detail)
        VALUES (NEW.id, NEW.updated, NEW.changed_by, NEW.batch_id, OLD.state, NEW.state, NEW.reason);
    END;

CREATE TRIGGER document_moves BEFORE UPDATE OF state ON document
    WHEN NOT EXISTS (SELECT 1 FROM transition WHERE from_state = OLD.state AND to_state = NEW.state)
    BEGIN SELECT RAISE(ABORT, 'this change of state is not allowed'); END;

CREATE TRIGGER document_stays BEFORE DELETE ON document
    BEGIN SELECT RAISE(ABORT, 'a document is never deleted'); END;

CREATE TRIGGER event_stays BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'history is never deleted'); END;
