#include "report/recording_schema.h"

/*
 * Tables hold what was measured and bear singular names; views are what one asks
 * and bear plural ones.  SQLite keeps these texts as they stand (R5), so `.schema`
 * shows them with their comments.
 */
#define TABLE(id, n, columns)                                                                      \
	[LK_TABLE_##id] = {                                                                        \
		.name = n, .sql = "CREATE TABLE " n " (\n" columns, .nr_columns = LK_COLUMNS_##id}

enum {
	LK_COLUMNS_PROCESS = 6,
	LK_COLUMNS_ARGUMENT = 2,
	LK_COLUMNS_RUNTIME = 2,
	LK_COLUMNS_MODULE = 7,
	LK_COLUMNS_THREAD = 3,
	LK_COLUMNS_STRING = 2,
	LK_COLUMNS_FRAME = 10,
	LK_COLUMNS_STACK = 5,
	LK_COLUMNS_BLOCK = 6,
	LK_COLUMNS_CONTENT = 3,
	LK_COLUMNS_NOT_SEEN = 4,
	LK_COLUMNS_COUNTER = 4,
	LK_COLUMNS_COUNTER_VALUE = 4,
	LK_COLUMNS_VERDICT = 4,
	LK_COLUMNS_SITE = 23,
	LK_COLUMNS_SAMPLE = 3,
	LK_COLUMNS_PATTERN = 7,
	LK_COLUMNS_EVIDENCE = 3,
	LK_COLUMNS_SHARE = 5,
	LK_COLUMNS_ROW_COUNT = 2,
};

const struct lk_recording_object lk_recording_tables[LK_NR_TABLES] = {
	TABLE(PROCESS, "process",
		"  pid INTEGER NOT NULL,\n"
		"  started_s REAL NOT NULL,      -- since 1970\n"
		"  tracked_ms INTEGER NOT NULL,  -- from the first event to the recording\n"
		"  ended TEXT NOT NULL,          -- running, exited, killed\n"
		"  exit_status INTEGER,          -- as waitpid gives it; NULL unknown\n"
		"  leakline TEXT NOT NULL        -- version that wrote this\n"
		")"),
	TABLE(ARGUMENT, "argument",
		"  id INTEGER PRIMARY KEY,\n"
		"  text TEXT NOT NULL\n"
		")"),
	TABLE(RUNTIME, "runtime",
		"  id INTEGER PRIMARY KEY,\n"
		"  name TEXT NOT NULL  -- mono, clr, jvm, python, node\n"
		")"),
	TABLE(MODULE, "module",
		"  id INTEGER PRIMARY KEY,\n"
		"  path TEXT,\n"
		"  build_id TEXT,            -- hex; NULL none\n"
		"  start INTEGER NOT NULL,   -- address\n"
		"  \"end\" INTEGER NOT NULL,   -- address\n"
		"  bias INTEGER NOT NULL,    -- address in the process - address in the file\n"
		"  lacks TEXT                -- what keeps its code from being named\n"
		")"),
	TABLE(THREAD, "thread",
		"  id INTEGER PRIMARY KEY,\n"
		"  tid INTEGER NOT NULL,\n"
		"  name TEXT\n"
		")"),
	TABLE(STRING, "string",
		"  id INTEGER PRIMARY KEY,\n"
		"  text TEXT NOT NULL\n"
		")"),
	TABLE(FRAME, "frame",
		"  id INTEGER PRIMARY KEY,\n"
		"  address INTEGER NOT NULL,    -- return address\n"
		"  module INTEGER,              -- string.id\n"
		"  function INTEGER,            -- string.id\n"
		"  file INTEGER,                -- string.id\n"
		"  line INTEGER,\n"
		"  il_offset INTEGER,\n"
		"  origin TEXT NOT NULL,        -- native, managed, generated\n"
		"  inlined INTEGER NOT NULL,    -- into the next frame outwards\n"
		"  framework INTEGER NOT NULL   -- of a runtime or its class library\n"
		")"),
	TABLE(STACK, "stack",
		"  id INTEGER PRIMARY KEY,\n"
		"  site INTEGER,                        -- site.id; NULL none\n"
		"  allocated_blocks INTEGER NOT NULL,   -- freed ones included\n"
		"  allocated_bytes INTEGER NOT NULL,\n"
		"  frames TEXT NOT NULL                 -- JSON: frame.id of each, innermost first\n"
		")"),
	TABLE(BLOCK, "block",
		"  id INTEGER PRIMARY KEY,\n"
		"  address INTEGER NOT NULL,\n"
		"  size INTEGER NOT NULL,     -- bytes asked for\n"
		"  time_ms INTEGER NOT NULL,  -- since tracking started\n"
		"  stack INTEGER NOT NULL,    -- stack.id\n"
		"  thread INTEGER             -- thread.id\n"
		")"),
	TABLE(CONTENT, "content",
		"  id INTEGER PRIMARY KEY,\n"
		"  address INTEGER NOT NULL,  -- block.address\n"
		"  bytes BLOB NOT NULL        -- its first ones\n"
		")"),
	TABLE(NOT_SEEN, "not_seen",
		"  id INTEGER PRIMARY KEY,\n"
		"  key TEXT NOT NULL,\n"
		"  text TEXT NOT NULL,\n"
		"  count INTEGER NOT NULL\n"
		")"),
	TABLE(COUNTER, "counter",
		"  id INTEGER PRIMARY KEY,\n"
		"  name TEXT NOT NULL,  -- private, resident, virtual, gc_heap, ..\n"
		"  unit TEXT NOT NULL,  -- bytes, bytes/s, percent, handles\n"
		"  text TEXT NOT NULL   -- what it is\n"
		")"),
	TABLE(COUNTER_VALUE, "counter_value",
		"  id INTEGER PRIMARY KEY,\n"
		"  counter INTEGER NOT NULL,  -- counter.id\n"
		"  time_ms INTEGER NOT NULL,  -- since tracking started\n"
		"  value REAL NOT NULL\n"
		")"),
	TABLE(VERDICT, "verdict",
		"  class TEXT NOT NULL,        -- native, none, unknown\n"
		"  growth_bytes_per_min REAL,  -- NULL unknown\n"
		"  confidence REAL,            -- 0 to 1\n"
		"  text TEXT NOT NULL\n"
		")"),
	TABLE(SITE, "site",
		"  id INTEGER PRIMARY KEY,     -- rank, 0 is the worst\n"
		"  name TEXT NOT NULL,         -- its id in reports, the same in every run\n"
		"  manager TEXT,\n"
		"  state TEXT NOT NULL,        -- growing, steady, stopped, few, early\n"
		"  stack INTEGER NOT NULL,     -- stack.id: the one with most blocks\n"
		"  responsible INTEGER,        -- stack_frame.depth; NULL none\n"
		"  stacks INTEGER NOT NULL,    -- merged into this site\n"
		"  outstanding_bytes INTEGER NOT NULL,\n"
		"  outstanding_blocks INTEGER NOT NULL,\n"
		"  allocated_bytes INTEGER NOT NULL,   -- freed ones included\n"
		"  allocated_blocks INTEGER NOT NULL,\n"
		"  freed_blocks INTEGER NOT NULL,\n"
		"  oldest_ms INTEGER NOT NULL,  -- ages\n"
		"  median_ms INTEGER NOT NULL,\n"
		"  youngest_ms INTEGER NOT NULL,\n"
		"  growth_bytes_per_min REAL,   -- NULL unknown\n"
		"  growth_blocks_per_min REAL,\n"
		"  leak_probability REAL,       -- percent: the product of the factors\n"
		"  number REAL,                 -- factors, 0 to 1: docs/LEAK-PROBABILITY.md\n"
		"  kept REAL,\n"
		"  even REAL,\n"
		"  lasting REAL,\n"
		"  covered REAL\n"
		")"),
	TABLE(SAMPLE, "sample",
		"  id INTEGER PRIMARY KEY,\n"
		"  site INTEGER NOT NULL,  -- site.id\n"
		"  block INTEGER NOT NULL  -- block.id\n"
		")"),
	TABLE(PATTERN, "pattern",
		"  id INTEGER PRIMARY KEY,\n"
		"  site INTEGER NOT NULL,      -- site.id\n"
		"  name TEXT NOT NULL,         -- of the known way to leak: N1, ..\n"
		"  title TEXT NOT NULL,\n"
		"  confidence REAL NOT NULL,   -- 0 to 1: that it is this, if the blocks are lost\n"
		"  explanation TEXT NOT NULL,\n"
		"  fix TEXT NOT NULL\n"
		")"),
	TABLE(EVIDENCE, "evidence",
		"  id INTEGER PRIMARY KEY,\n"
		"  pattern INTEGER NOT NULL,  -- pattern.id\n"
		"  text TEXT NOT NULL         -- a sentence: what was seen at the site\n"
		")"),
	TABLE(SHARE, "share",
		"  id INTEGER PRIMARY KEY,   -- largest first\n"
		"  kind TEXT NOT NULL,       -- manager, module, function\n"
		"  name TEXT,\n"
		"  bytes INTEGER NOT NULL,   -- outstanding\n"
		"  blocks INTEGER NOT NULL\n"
		")"),
	TABLE(ROW_COUNT, "row_count",
		"  name TEXT NOT NULL,    -- of a table\n"
		"  rows INTEGER NOT NULL\n"
		")"),
};

#define VIEW(n, body)                                                                              \
	{                                                                                          \
		.name = n, .sql = "CREATE VIEW " n " AS\n" body                                    \
	}

#define SHARES(kind) "SELECT name, bytes, blocks FROM share WHERE kind = '" kind "' ORDER BY id"

const struct lk_recording_object lk_recording_views[] = {
	/* One value per stack: a row per frame is most of a recording's size and time. */
	VIEW("stack_frame", "SELECT stack.id AS stack, each.key AS depth, each.value AS frame\n"
			    "FROM stack, json_each(stack.frames) AS each"),
	VIEW("frames",
		"SELECT stack_frame.stack, stack_frame.depth,\n"
		"  printf('0x%x', frame.address) AS address, module.text AS module,\n"
		"  function.text AS function, file.text AS file, frame.line, frame.il_offset,\n"
		"  frame.origin, frame.inlined, frame.framework\n"
		"FROM stack_frame JOIN frame ON frame.id = stack_frame.frame\n"
		"  LEFT JOIN string AS module ON module.id = frame.module\n"
		"  LEFT JOIN string AS function ON function.id = frame.function\n"
		"  LEFT JOIN string AS file ON file.id = frame.file"),
	VIEW("sites",
		"SELECT site.id + 1 AS rank, site.name AS id, site.manager,\n"
		"  site.outstanding_bytes, site.outstanding_blocks, site.growth_bytes_per_min,\n"
		"  site.leak_probability, site.state, frames.function, frames.file, frames.line,\n"
		"  frames.module, site.allocated_blocks, site.freed_blocks, site.stacks,\n"
		"  pattern.name AS pattern\n"
		"FROM site LEFT JOIN frames\n"
		"  ON frames.stack = site.stack AND frames.depth = site.responsible\n"
		"  LEFT JOIN pattern ON pattern.site = site.id\n"
		"ORDER BY site.id"),
	VIEW("site_frames",
		"SELECT site.name AS site, frames.depth, frames.address, frames.module,\n"
		"  frames.function, frames.file, frames.line, frames.il_offset, frames.origin,\n"
		"  frames.inlined, frames.depth IS site.responsible AS responsible\n"
		"FROM site JOIN frames ON frames.stack = site.stack\n"
		"ORDER BY site.id, frames.depth"),
	VIEW("samples",
		"SELECT site.name AS site, printf('0x%x', block.address) AS address, block.size,\n"
		"  block.time_ms / 1000.0 AS time_s, thread.tid AS thread, content.bytes AS content\n"
		"FROM sample JOIN site ON site.id = sample.site\n"
		"  JOIN block ON block.id = sample.block\n"
		"  LEFT JOIN thread ON thread.id = block.thread\n"
		"  LEFT JOIN content ON content.address = block.address\n"
		"ORDER BY sample.id"),
	VIEW("patterns",
		"SELECT site.name AS site, pattern.name AS id, pattern.title, pattern.confidence,\n"
		"  (SELECT group_concat(text, char(10)) FROM\n"
		"     (SELECT text FROM evidence WHERE evidence.pattern = pattern.id ORDER BY evidence.id))\n"
		"    AS evidence,\n"
		"  pattern.explanation, pattern.fix\n"
		"FROM pattern JOIN site ON site.id = pattern.site\n"
		"ORDER BY pattern.id"),
	VIEW("managers", SHARES("manager")),
	VIEW("modules", SHARES("module")),
	VIEW("functions", SHARES("function")),
	VIEW("sizes", "SELECT size, sum(size) AS bytes, count(*) AS blocks\n"
		      "FROM block GROUP BY size ORDER BY bytes DESC, size"),
	VIEW("outstanding",
		"SELECT printf('0x%x', block.address) AS address, block.size,\n"
		"  block.time_ms / 1000.0 AS time_s, thread.tid AS thread, site.manager,\n"
		"  site.name AS site, block.stack\n"
		"FROM block JOIN stack ON stack.id = block.stack\n"
		"  LEFT JOIN site ON site.id = stack.site\n"
		"  LEFT JOIN thread ON thread.id = block.thread"),
	VIEW("counters", "SELECT counter.name, counter_value.time_ms / 1000.0 AS time_s,\n"
			 "  counter_value.value, counter.unit\n"
			 "FROM counter_value JOIN counter ON counter.id = counter_value.counter\n"
			 "ORDER BY counter_value.id"),
	VIEW("totals",
		"SELECT b.bytes AS outstanding_bytes, b.blocks AS outstanding_blocks,\n"
		"  s.blocks AS allocated_blocks, s.blocks - b.blocks AS freed_blocks,\n"
		"  s.bytes AS allocated_bytes, process.tracked_ms / 1000.0 AS tracked_s\n"
		"FROM process,\n"
		"  (SELECT coalesce(sum(size), 0) AS bytes, count(*) AS blocks FROM block) AS b,\n"
		"  (SELECT coalesce(sum(allocated_bytes), 0) AS bytes,\n"
		"          coalesce(sum(allocated_blocks), 0) AS blocks\n"
		"   FROM stack) AS s"),
};
const size_t lk_recording_nr_views = LK_ARRAY_SIZE(lk_recording_views);

const char *const lk_recording_ended[LK_NR_NAMES] = {"running", "exited", "killed"};
const char *const lk_recording_origin[LK_NR_NAMES] = {"native", "managed", "generated"};
