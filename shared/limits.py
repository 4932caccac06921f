"""Every bound of the system, on one page, with the relations between them checked at import.

A number that limits a queue, a size or a time stands here and nowhere else, so that a reader
learns the size of the machine in a minute. Each name holds its unit. What one format or one parser
bounds for itself (an RFC's 254 characters) stands beside its code.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# --- Processes --------------------------------------------------------------------------------
# So many new objects, and the collector looks at them. What 64 requests in flight hold is more than
# Python's own 700, so it looked through that again and again: 12 % of a create's CPU (m).
GARBAGE_OBJECTS: Final = 10_000

# --- HTTP -------------------------------------------------------------------------------------
BODY_BYTES_MAX: Final = 32 * MIB
COLLECTION_BODY_BYTES_MAX: Final = 4 * MIB
SMALL_BODY_BYTES_MAX: Final = 256 * KIB  # realtime, auth and setup
BODY_BYTES_SETTING_MIN: Final = 16 * KIB  # settings cannot ask for less
BODY_BYTES_UNCOUNTED: Final = 16 * KIB  # one that is read whole at once and is no larger
BODY_BYTES_IN_FLIGHT_MAX: Final = 256 * MIB  # of all other bodies in one worker
BODY_STALL_SECONDS: Final = 30.0  # a request whose body makes no progress ends
BODY_DRAIN_SECONDS: Final = 3.0  # and any whose body is not complete so long into a drain
BODY_SWEEP_SECONDS: Final = 0.5  # how often those are looked for
BODY_BYTES_DISCARDED_MAX: Final = 64 * MIB  # of a body that is too large, so that its 413 is read
JSON_DEPTH_MAX: Final = 100
JSON_NODES_MAX: Final = 200_000  # values, keys and containers of one body
FORM_VALUES_MAX: Final = 2_000  # of one form, files included; 30 ms of parsing
FORM_URLENCODED_BYTES_MAX: Final = 4 * MIB  # decoding takes 16 ms a MiB; larger texts come as parts
FORM_PART_HEADERS_MAX: Final = 8
UPLOAD_WRITE_BYTES: Final = 1 * MIB  # of a file that goes to the disk as it arrives, at once
FORM_PART_HEADER_BYTES_MAX: Final = 4 * KIB  # name and file name stand there
PATH_BYTES_MAX: Final = 8 * KIB
CONNECTIONS_PER_WORKER: Final = 16_384  # granian's backpressure counts connections, not requests
LISTEN_BACKLOG: Final = 4_096
IDLE_CONNECTION_MS: Final = (
    75_000  # longer than proxies keep theirs (nginx: 60 s), so they close first
)
DRAIN_SECONDS: Final = 30.0
DRAIN_CLOSE_SECONDS: Final = 2.0  # answers say "Connection: close" this long before accepting ends
DRAIN_LAST_SECONDS: Final = 0.25  # a connection accepted last may take this long to ask

# --- The write path ---------------------------------------------------------------------------
IN_FLIGHT_WRITES_PER_WORKER: Final = 4_096
WRITER_INBOX_OPERATIONS: Final = 16_384
BATCH_OPERATIONS_MAX: Final = 512
BATCH_BYTES_MAX: Final = 8 * MIB  # of plans, and of answers; one larger operation still fits
RESEND_OPERATIONS_PER_MESSAGE: Final = 256
LINK_MESSAGES_WAITING_MAX: Final = 65_536  # ZeroMQ's own bound, never the one that decides
LINK_RECONNECT_MS: Final = 5
LINK_RECONNECT_MS_MAX: Final = 100
WRITE_DEADLINE_SECONDS: Final = 5.0
WRITE_GRACE_SECONDS: Final = 0.25  # a worker waits this much longer than the writer may take
CATALOG_DEADLINE_SECONDS: Final = 60.0
REPLANS_MAX: Final = 3
GUARD_SECONDS: Final = 0.050
DEFINITION_GUARD_SECONDS: Final = 4.0  # of a catalog change; a view's own query runs in them
STATEMENT_SECONDS: Final = 2.0
PLAN_RESULT_CHARS_MAX: Final = 64 * MIB  # of a plan that gives all its results
SHARED_STATEMENT_SECONDS: Final = 0.25  # in a batch with others; slower ones run again, alone
BATCH_REQUESTS_MAX: Final = 50  # of one POST /api/batch, and the time that all of them have
BATCH_REQUEST_SECONDS: Final = 3.0
BATCH_REQUESTS_SETTING_MAX: Final = 1_000  # the most that settings may allow
BATCH_SECONDS_SETTING_MAX: Final = 30
IDEMPOTENCY_KEY_CHARS_MAX: Final = 255
IDEMPOTENCY_GUEST_KEY_CHARS_MIN: Final = 16  # guests share one space of keys
IDEMPOTENCY_ANSWER_BYTES_MAX: Final = 16 * KIB  # of a larger answer only the record's id is kept
CHANGE_ROW_BYTES_MAX: Final = 256 * KIB  # a larger row is logged by its key only

# --- Retention --------------------------------------------------------------------------------
BATCH_KEPT_SECONDS: Final = 60.0
BATCH_HEAVY_BYTES: Final = 16 * KIB  # a batch's answers above this count towards the next bound
BATCH_KEPT_BYTES: Final = 16 * MIB  # of heavy answers, the finished ones; those awaited all stay
BATCH_HEAVY_ROWS_PER_COMMIT: Final = 16  # so many go with one commit
IDEMPOTENCY_KEPT_SECONDS: Final = 24 * 3600.0
CHANGE_KEPT_SECONDS: Final = 24 * 3600.0
CHANGE_KEPT_ROWS: Final = 1_000_000
CHANGE_KEPT_BYTES: Final = 1_024 * MIB
RETENTION_ROWS_PER_ROUND: Final = 5_000
RETENTION_BYTES_PER_ROUND: Final = 32 * MIB

# --- Reads ------------------------------------------------------------------------------------
QUICK_READ_SECONDS: Final = 0.010  # on the event loop before a read moves to a thread
QUICK_READ_PROGRESS_STEPS: Final = 250  # SQLite VM steps between two looks at its clock
SLOW_READ_PROGRESS_STEPS: Final = 2_500  # in a thread: each look waits for the interpreter's lock
READ_BYTES_MAX: Final = 64 * MIB  # of one value that a read makes, such as a page of a list
READ_SECONDS_MAX: Final = 2.0  # longest read transaction, so that checkpoints find a gap
SLOW_READ_THREADS: Final = 2
SLOW_READS_WAITING_MAX: Final = 256
PROGRESS_STEPS: Final = 10_000  # SQLite VM steps between two looks at a budget, about 1 ms
CATALOG_RACE_SECONDS_MAX: Final = 5.0  # a read is repeated so long while the catalog moves under it
SLOW_REQUEST_SECONDS: Final = 1.0  # logged
PER_PAGE_DEFAULT: Final = 30
PER_PAGE_MAX: Final = 1_000
FILTER_CHARS_MAX: Final = 3_500
LIKE_PATTERN_BYTES_MAX: Final = 256  # a row may take this times its text's length
LIKE_TEXT_BYTES_QUICK: Final = 64 * KIB  # of one row; longer ones are looked through in a thread
API_PAGE_ROWS_DEFAULT: Final = 50
API_PAGE_ROWS_MAX: Final = 1_024  # of a list of a record API that sets no bound of its own
API_BULK_RECORDS_MAX: Final = 1_024  # of one create
API_BULK_PASSWORDS_MAX: Final = 50  # the same with passwords, of which each takes long to hash
API_OPERATIONS_MAX: Final = 128  # of one transaction
API_OPERATIONS_SECONDS: Final = 20.0  # one by one, no further one is begun after this
FILTER_COMPARISONS_MAX: Final = 200
FILTER_DEPTH_MAX: Final = 50
FILTER_CALL_DEPTH_MAX: Final = 3
FILTER_ARGUMENTS_MAX: Final = 10
FILTER_PATH_STEPS_MAX: Final = 6  # relations that one path leads through
FILTER_SUBQUERIES_MAX: Final = 600  # of one filter or rule, rules of related collections included
FILTER_TRUTHS_MAX: Final = 10_000  # comparisons written or worked out while one is compiled
SORT_FIELDS_MAX: Final = 8
SORT_FIELD_CHARS_MAX: Final = 255
CASCADE_LEVELS_MAX: Final = 8  # only where collections cascade in a circle; otherwise unbounded
PLAN_CACHE_ENTRIES: Final = 2_048
PLAN_CACHE_CHARS: Final = 16 * MIB  # of the requests' texts and the SQL made of them
PLAN_KEY_CHARS_MAX: Final = 1_024  # a longer filter is compiled each time rather than kept
TOTAL_EXACT_RECORDS_MAX: Final = 100_000  # of a list with a condition; more are told as "at least"
TOTALS_CACHE_ENTRIES: Final = 1_024
CURSOR_CHARS_MAX: Final = 4 * KIB  # it travels in the address of a request
LIST_QUERY_BYTES_MAX: Final = 16 * KIB  # of a list of a record API
LIST_PARAMETERS_MAX: Final = 256  # in it, a comparison each
LIST_COLUMNS_MAX: Final = 5  # that it orders by, and that it expands
EXPAND_CHARS_MAX: Final = 4_000
EXPAND_PATHS_MAX: Final = 50
EXPAND_LEVELS_MAX: Final = 6
EXPAND_BACK_RECORDS_MAX: Final = 1_000  # of one record's back-relation
EXPAND_RECORDS_MAX: Final = 20_000  # read for one answer
EXPAND_BYTES_MAX: Final = 32 * MIB  # of one answer, every place of a record counted

# --- Realtime ---------------------------------------------------------------------------------
SUBSCRIPTIONS_PER_CLIENT: Final = 1_000
SUBSCRIPTION_CHARS_MAX: Final = 2_500
CLIENT_QUEUE_EVENTS: Final = 1_024
CLIENT_IDLE_SECONDS: Final = 300.0
CLIENT_AGE_SECONDS: Final = 1_800.0
CLIENT_HEARTBEAT_SECONDS: Final = 30.0
API_STREAM_HEARTBEAT_SECONDS: Final = 15.0  # of a stream of a record API
CLIENT_CLOSE_SECONDS: Final = 5.0  # a client that is being closed may take this long to read it
CLIENT_QUEUE_BYTES: Final = 4 * MIB
CLIENT_CHUNK_BYTES: Final = 256 * KIB
REALTIME_CLIENTS_PER_WORKER: Final = 12_288  # the rest of its connections are for requests
REALTIME_SUBSCRIPTIONS_PER_WORKER: Final = 200_000
REALTIME_SWEEP_SECONDS: Final = 5.0
REALTIME_CHANGES_WAITING_MAX: Final = 20_000
REALTIME_CHANGES_WAITING_BYTES: Final = 64 * MIB
REALTIME_JUDGEMENTS_PER_READ: Final = 200  # on the event loop in one go, some 3 ms
REALTIME_VIEWS_PER_CLIENT: Final = 50  # different sets of options
REALTIME_COMPARISONS_PER_CLIENT: Final = 500  # in all its filters
REALTIME_VIEWS_PER_WORKER: Final = 4_000  # each is judged for each change of its collection
REALTIME_FILTER_CHARS_PER_WORKER: Final = 200_000  # of those sets
REALTIME_SLICE_SECONDS: Final = 0.005  # of compiling on the event loop in one go
REALTIME_JOINS_AT_ONCE: Final = 8  # the others wait their turn
SNAPSHOT_RECORDS_MAX: Final = 5_000  # of the list that a subscription begins with
SOCKET_MESSAGE_BYTES_MAX: Final = 256 * KIB  # of one message that a WebSocket client sends
SOCKET_REF_CHARS_MAX: Final = 64
SOCKET_TOKEN_CHARS_MAX: Final = 8 * KIB
SOCKET_TOPIC_BYTES_MAX: Final = 8 * KIB  # of one topic with all its options, as JSON
SOCKET_HANDSHAKE_SECONDS: Final = 10.0
SOCKET_HANDSHAKES_MAX: Final = 4_096  # under way on the second port of one worker
SOCKET_READ_BYTES: Final = 16 * KIB  # of one client's input, taken apart in one loop turn
SOCKET_REQUESTS_WAITING: Final = 16  # of one client; then its connection is not read
SOCKET_WRITE_BYTES: Final = 64 * KIB  # the transport's own buffer; the queue holds the rest
SOCKET_UNSEEN_BYTES_MAX: Final = 8 * MIB  # that granian took from a client and did not hand over
SOCKET_GROWTH_BYTES: Final = 64 * MIB  # unexplained, of a worker, before those are looked for
SOCKET_RESIDENT_BYTES: Final = 164 * KIB  # of one client of the main port (m), which explains it
SOCKET_WATCH_SECONDS: Final = 0.5
SOCKET_PING_SECONDS: Final = 30.0
SOCKET_PONG_SECONDS: Final = 30.0  # a peer that does not answer for so long is gone
FEED_POLL_SECONDS: Final = 0.050
FEED_ROWS_PER_READ: Final = 2_000
FEED_BYTES_PER_READ: Final = 4 * MIB
MESSAGE_BYTES_MAX: Final = CHANGE_ROW_BYTES_MAX - 16  # topic and JSON of what is published
PUBLISHED_MESSAGES_MAX: Final = 1_000  # of one plan
LOG_PAGE_ROWS: Final = 500  # read at once by those who catch up with the log
LOG_PAGE_BYTES: Final = 2 * MIB
INTERNAL_ROWS_ON_LOOP: Final = 20  # a follower further behind reads in a thread
INTERNAL_RETRY_SECONDS: Final = 0.25  # after a read that the server was too busy for
LOG_PAGE_ROWS_SCANNED: Final = 20_000  # of one page that holds the rows of some tables only
PEER_TIMEOUT_SECONDS: Final = 3.0
PEER_SOCKETS_MAX: Final = 256  # to other workers; a cluster has no more of them

# --- Import and export --------------------------------------------------------------------------
TRANSFER_SAMPLE_RECORDS: Final = 1_000  # read first, to find out columns and types
TRANSFER_BATCH_RECORDS: Final = 1_000  # read, judged and staged together
TRANSFER_READ_BYTES: Final = 256 * KIB
TRANSFER_RECORD_CHARS_MAX: Final = 64 * MIB  # of one record's text
TRANSFER_CHECK_ROWS: Final = 20_000  # judged against the database by one statement
TRANSFER_PROBLEMS_SHOWN: Final = 20
TRANSFER_PROBLEMS_KEPT: Final = 100_000  # of bad records; reading ends there
STAGING_CACHE_KIB: Final = 16 * KIB
IMPORT_SECONDS: Final = 60.0  # that the writer has for taking rows over, and more for many:
IMPORT_SECONDS_PER_ROW: Final = 0.001
IMPORT_WAIT_SECONDS: Final = 30.0  # a command waits this much longer for the writer's answer

# --- Auth -------------------------------------------------------------------------------------
PASSWORD_THREADS: Final = 2
PASSWORDS_WAITING_MAX: Final = 128
HASH_BCRYPT_COST_MAX: Final = 16  # of hashes from elsewhere: seconds a login; each step doubles it
HASH_ARGON2_KIB_MAX: Final = 256 * KIB
HASH_ARGON2_PASSES_MAX: Final = 32
HASH_ARGON2_LANES_MAX: Final = 16
LOCKOUT_FAILURES: Final = 10
LOCKOUT_SECONDS: Final = 300.0
MFA_SECONDS_MAX: Final = 86_400  # between the two factors of a login, whatever a collection says
MFA_BEGUN_MAX: Final = 5  # logins of one record that wait for the second factor
MFA_ROWS_SWEPT: Final = 20  # of the oldest, when one is added
SETUP_LINK_SECONDS: Final = 1_800.0

# --- Schema -----------------------------------------------------------------------------------
COLLECTION_NAME_CHARS_MAX: Final = 255
COLLECTION_ID_CHARS_MAX: Final = 100
COLLECTION_FIELDS_MAX: Final = 400  # json_object takes two of SQLite's 1000 arguments for each
COLLECTION_INDEXES_MAX: Final = 64
FIELD_NAME_CHARS_MAX: Final = 100
FIELD_HELP_CHARS_MAX: Final = 300
OPTION_TEXT_CHARS_MAX: Final = 5_000
OPTION_ITEMS_MAX: Final = 1_000
MAIL_TEMPLATE_CHARS_MAX: Final = 50_000
VIEW_QUERY_CHARS_MAX: Final = 20_000
VIEW_SAMPLE_ROWS: Final = 10
IMPORTED_COLLECTIONS_MAX: Final = 1_000
INDEX_CHARS_MAX: Final = 5_000
PATTERN_MEMORY_BYTES: Final = 1 * MIB  # of one compiled pattern, its caches included
TEXT_CHARS_DEFAULT: Final = 5_000
JSON_FIELD_BYTES_DEFAULT: Final = 1 * MIB
EDITOR_FIELD_BYTES_DEFAULT: Final = 5 * MIB
AUTOGENERATE_CHARS_MAX: Final = 1_000

# --- Migrations ---------------------------------------------------------------------------------
MIGRATION_SECONDS: Final = 600.0  # of all statements of one; nobody else writes meanwhile
MIGRATION_PROGRAM_SECONDS: Final = 60.0  # of a Python migration, while it plans
MIGRATION_PROGRAM_GRACE_SECONDS: Final = 2.0  # and then it is killed
MIGRATION_FILE_BYTES_MAX: Final = 32 * MIB
PENDING_REASONS_MAX: Final = 20  # named in the one line by which the writer says that it is ready
MIGRATION_WAIT_SECONDS: Final = 30.0  # its outcome is waited for so much longer
DATABASE_OPEN_SECONDS: Final = 10.0  # one that settings name is waited for
LONE_WRITER_SILENT_SECONDS: Final = 4.0  # without a supervisor nobody starts it again

# --- SQL console --------------------------------------------------------------------------------
CONSOLE_TEXT_CHARS_MAX: Final = 64 * KIB
CONSOLE_STATEMENTS_MAX: Final = 200  # of one text
CONSOLE_READ_SECONDS: Final = 5.0  # of all its statements; the log of writes may grow meanwhile
CONSOLE_WRITE_SECONDS: Final = STATEMENT_SECONDS  # others' writes wait meanwhile
CONSOLE_ROWS_MAX: Final = 1_000  # of an answer, and its bytes:
CONSOLE_ANSWER_BYTES_MAX: Final = 4 * MIB
CONSOLE_WRITTEN_BYTES_MAX: Final = 1 * MIB  # of the rows that a write gives, which the log keeps
# No clock ends what stands between two rounds of a loop, so a long statement works on short values.
CONSOLE_VALUE_BYTES_MAX: Final = 2 * MIB  # of one value or row that a statement touches
CONSOLE_VALUE_BYTES_MIN: Final = CONSOLE_TEXT_CHARS_MAX + KIB  # and so many, however long it is
CONSOLE_VALUES_BYTES_MAX: Final = 512 * MIB  # its characters times the bytes of a value
CONSOLE_CALLS_MAX: Final = 1_000  # of functions, that one statement names
CONSOLE_MEMORY_BYTES: Final = 256 * MIB  # that SQLite may take on top of what it has
CONSOLE_PROGRESS_STEPS: Final = 100  # in the writer between two looks: each can make a value
CONSOLE_READ_PROGRESS_STEPS: Final = 500  # in a worker, where each waits for the interpreter's lock
# The same of one value where a function is called that takes the product of two lengths; it is
# shared by all such calls. The slow ones are trim, unhex and json_patch, the others instr, replace.
CONSOLE_SEARCHED_BYTES_MAX: Final = 256 * KIB
CONSOLE_TRIMMED_BYTES_MAX: Final = 64 * KIB
CONSOLE_EVENTS_MAX: Final = 10_000  # changed rows that are told one by one; then it is resets
CONSOLE_WAITING_MAX: Final = 8  # of one worker, which reads and writes one at a time each
CONSOLE_LOGGED_CHARS: Final = 500  # of a text, without what stands in quotes

# --- SQL functions ------------------------------------------------------------------------------
# No clock ends a call, so what each takes is bounded; docs/sql-functions.md has the times.
SQL_TEXT_BYTES_MAX: Final = 1 * MIB  # of one argument
SQL_BLOB_BYTES_MAX: Final = BODY_BYTES_MAX  # of one that is encoded: what was sent can be shown
SQL_JSON_NODES_MAX: Final = 20_000  # commas and opening brackets of JSON that is held to a schema
SQL_SCHEMA_STEPS_MAX: Final = 500_000  # those of the schema times those of the JSON
SQL_PATTERNED_BYTES_MAX: Final = 64 * KIB  # of JSON whose schema has patterns
SQL_SCHEMA_BYTES_MAX: Final = 64 * KIB
SQL_SCHEMA_NODES_MAX: Final = 4_000
SQL_SCHEMAS_KEPT: Final = 64  # compiled, of those that stand in statements
SQL_PATTERN_BYTES_MAX: Final = 512
SQL_PATTERN_MEMORY_BYTES: Final = 256 * KIB  # of one compiled pattern, its caches included
SQL_PATTERN_STEPS_MAX: Final = MIB  # instructions of a pattern times bytes of a text
SQL_PATTERNS_KEPT: Final = 128
SQL_PASSWORD_BYTES_MAX: Final = 1 * KIB
GEOMETRY_BYTES_MAX: Final = 1 * MIB  # as WKB: 65,000 points of two coordinates
GEOMETRY_TEXT_BYTES_MAX: Final = 256 * KIB  # as WKT or GeoJSON
GEOMETRY_TEXT_POINTS_MAX: Final = 16_384  # of one that is written as WKT or GeoJSON
GEOMETRY_PARTS_MAX: Final = 4_096  # of one, those of collections in it included
GEOMETRY_DEPTH_MAX: Final = 8  # of collections in collections
GEOMETRY_PAIRS_MAX: Final = 512 * KIB  # points of one geometry times points of the other
GEOMETRY_VALID_POINTS_MAX: Final = 4_096  # of one whose validity is asked
GEOMETRY_VALID_MEETING_MAX: Final = 64  # its points in one place, where all lines are compared
GEOMETRY_MEETING_MAX: Final = 6  # the same of each of two that are compared
GEOMETRY_RELATE_POINTS_MAX: Final = 2_048  # of two of which one may contain the other
GEOMETRY_RELATE_POINTS_ANY: Final = 48  # and so many however tangled they are
GEOMETRY_SIMPLIFY_POINTS_MAX: Final = 1_000
GEOMETRY_BUFFER_POINTS_MAX: Final = 32
GEOMETRY_BUFFER_SEGMENTS_MAX: Final = 16  # of a quarter circle

# --- Processes --------------------------------------------------------------------------------
WRITER_BEAT_SECONDS: Final = 0.5
WRITER_SILENT_SECONDS: Final = 10.0
RESTART_BACKOFF_SECONDS: Final = 0.1
RESTART_BACKOFF_SECONDS_MAX: Final = 5.0
RESTART_HEALTHY_SECONDS: Final = 10.0
RESTART_EARLY_SECONDS: Final = 1.0
SUCCESSOR_READY_SECONDS: Final = 30.0  # a rolling reload gives up on a successor after this
WRITER_DRAIN_SECONDS: Final = 10.0  # after the workers' drain; outlasts every write's deadline

# --- Settings ---------------------------------------------------------------------------------
CONFIG_BYTES_MAX: Final = 4 * MIB  # of config.textproto, and of the file of secrets
CONFIG_LOOK_SECONDS: Final = 1.0  # how often one worker looks whether they have changed
API_LOOK_SECONDS: Final = 1.0  # how often one worker looks whether all record APIs can be served
CONFIG_LOCK_SECONDS: Final = 5.0  # a change of settings waits so long for another one

# --- SQLite and the writer's chores -----------------------------------------------------------
WAL_AUTOCHECKPOINT_PAGES: Final = 8_000
WAL_RESTART_BYTES: Final = 32 * MIB
WAL_URGENT_BYTES: Final = 256 * MIB
CHECKPOINT_BUSY_MS: Final = 50
CHECKPOINT_URGENT_BUSY_MS: Final = 200
CHECKPOINT_RETRY_SECONDS: Final = 1.0
BALLAST_BYTES: Final = 16 * MIB
REPLACED_KEPT_MAX: Final = 3  # of the data that restores and imports took the place of
BACKUP_PAGES_PER_STEP: Final = 1_024  # copied between two looks at the clock, 4 MiB
BACKUP_CHUNK_BYTES: Final = 1 * MIB  # of a file that is read, written or sent at once
BACKUP_FILES_MAX: Final = 2_000_000
BACKUP_DIRECTORY_BYTES_MAX: Final = 256 * MIB  # a zip's list of its entries, read at once
BACKUP_MANIFEST_BYTES_MAX: Final = 512 * MIB
BACKUP_UPLOAD_BYTES_MAX: Final = 1_024 * 1_024 * MIB  # streamed to the disk, never held in memory
BACKUP_SPARE_BYTES: Final = 64 * MIB  # of the disk, that a backup or restore leaves free
BACKUP_JOB_SECONDS: Final = 3_600.0  # that one asked for over HTTP may take
BACKUP_NICE: Final = 10  # its process yields to those that answer requests
DISK_PROBE_SECONDS: Final = 1.0  # how often a full disk is tried again
DATABASE_BUSY_MS: Final = 5_000
DATABASES_MAX: Final = 64  # beside main; each has a thread and connections, and SQLite attaches 125
ATTACHED_DATABASES_MAX: Final = 100  # to one connection
DATABASE_NAME_CHARS_MAX: Final = 64
DATABASE_RETRY_SECONDS: Final = 5.0  # how often one that cannot be opened is tried again
STATUS_PAGE_BYTES: Final = 64 * KIB
STATEMENT_CACHE_ENTRIES: Final = 500
READER_CACHE_KIB: Final = 16 * KIB
WRITER_CACHE_KIB: Final = 32 * KIB
MMAP_BYTES: Final = 256 * MIB
IDLE_SECONDS: Final = 1.0  # without operations for so long, the writer tidies up
RETENTION_BATCHES: Final = 256  # and under load after so many batches

assert WRITER_BEAT_SECONDS * 4 < WRITER_SILENT_SECONDS, "a late beat must not kill the writer"
assert WRITE_DEADLINE_SECONDS + WRITE_GRACE_SECONDS < BATCH_KEPT_SECONDS, (
    "a stored answer must outlive every re-send of its operation"
)
assert DEFINITION_GUARD_SECONDS < WRITE_DEADLINE_SECONDS, "others' writes wait meanwhile"
assert GUARD_SECONDS < STATEMENT_SECONDS <= WRITE_DEADLINE_SECONDS
assert GUARD_SECONDS < SHARED_STATEMENT_SECONDS < STATEMENT_SECONDS
assert BATCH_REQUEST_SECONDS <= WRITE_DEADLINE_SECONDS
assert API_OPERATIONS_SECONDS + WRITE_DEADLINE_SECONDS + WRITE_GRACE_SECONDS < DRAIN_SECONDS, (
    "a worker that ends still tells which operations were done"
)
assert BATCH_SECONDS_SETTING_MAX + WRITE_GRACE_SECONDS < BATCH_KEPT_SECONDS
assert BODY_BYTES_UNCOUNTED <= BODY_BYTES_SETTING_MIN < SMALL_BODY_BYTES_MAX
assert BATCH_OPERATIONS_MAX <= WRITER_INBOX_OPERATIONS
assert BATCH_HEAVY_BYTES < BATCH_BYTES_MAX < BATCH_KEPT_BYTES
assert RETENTION_BYTES_PER_ROUND < CHANGE_KEPT_BYTES
assert IN_FLIGHT_WRITES_PER_WORKER < LINK_MESSAGES_WAITING_MAX
assert RESEND_OPERATIONS_PER_MESSAGE <= IN_FLIGHT_WRITES_PER_WORKER
assert WAL_RESTART_BYTES < WAL_URGENT_BYTES
assert DATABASES_MAX < ATTACHED_DATABASES_MAX < 125, "all of them can be read together"
assert DRAIN_CLOSE_SECONDS < DRAIN_SECONDS
assert DRAIN_CLOSE_SECONDS + DRAIN_LAST_SECONDS < BODY_DRAIN_SECONDS < DRAIN_SECONDS / 2
assert SMALL_BODY_BYTES_MAX < COLLECTION_BODY_BYTES_MAX < BODY_BYTES_MAX
assert BODY_BYTES_MAX < BODY_BYTES_IN_FLIGHT_MAX
assert BODY_BYTES_MAX < READ_BYTES_MAX, "what was written in one body can be read"
assert QUICK_READ_SECONDS < READ_SECONDS_MAX
assert WRITE_DEADLINE_SECONDS < WRITER_DRAIN_SECONDS
assert CLIENT_HEARTBEAT_SECONDS < CLIENT_IDLE_SECONDS < CLIENT_AGE_SECONDS
assert CLIENT_CHUNK_BYTES < CLIENT_QUEUE_BYTES
assert REALTIME_CLIENTS_PER_WORKER < CONNECTIONS_PER_WORKER
assert SOCKET_READ_BYTES < SOCKET_WRITE_BYTES < SOCKET_MESSAGE_BYTES_MAX < CLIENT_QUEUE_BYTES
assert FEED_BYTES_PER_READ < REALTIME_CHANGES_WAITING_BYTES
assert FILTER_COMPARISONS_MAX <= REALTIME_COMPARISONS_PER_CLIENT
