#include "scheduler/store/schema.h"

#include <array>

namespace framemill::scheduler::store {
namespace {

// Rules for every table: times are integers in ms since 1970 (UTC); states and outcomes are their names; what a person
// caused has who, when and why. No foreign keys: the core's invariants are richer, and its records come in any order.
constexpr const char* kFirst = R"sql(
-- Who writes and how far. Every transaction asserts and moves this row.
CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  epoch INTEGER NOT NULL, epoch_nonce TEXT NOT NULL,
  sequence INTEGER NOT NULL,           -- of the last durable batch
  chain BLOB NOT NULL                  -- checksum over all commits and audit rows so far
) STRICT;
CREATE TABLE epochs (epoch INTEGER PRIMARY KEY, nonce TEXT NOT NULL, started_ms INTEGER NOT NULL,
  sequence INTEGER NOT NULL) STRICT;
CREATE TABLE upkeep (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, principal TEXT NOT NULL, reason TEXT NOT NULL,
  verb TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
-- One row per transaction that added commits or audit rows: the links of the chain.
CREATE TABLE batches (sequence INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, commits INTEGER NOT NULL,
  audits INTEGER NOT NULL, chain BLOB NOT NULL) STRICT;

CREATE TABLE counters (one INTEGER PRIMARY KEY CHECK (one = 1), last_job INTEGER NOT NULL, last_worker INTEGER NOT NULL,
  last_audit INTEGER NOT NULL) STRICT;
CREATE TABLE versions (show TEXT NOT NULL, sequence TEXT NOT NULL, shot TEXT NOT NULL, version INTEGER NOT NULL,
  job INTEGER NOT NULL, PRIMARY KEY (show, sequence, shot, version)) STRICT, WITHOUT ROWID;
CREATE TABLE submit_tokens (principal TEXT NOT NULL, token TEXT NOT NULL, body_sha256 BLOB NOT NULL, job INTEGER NOT NULL,
  PRIMARY KEY (principal, token)) STRICT, WITHOUT ROWID;
CREATE TABLE workers (worker INTEGER PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL, drain_requested INTEGER NOT NULL,
  quarantined INTEGER NOT NULL, revoked INTEGER NOT NULL, blamed_jobs TEXT NOT NULL, incarnation TEXT NOT NULL,
  changed_by TEXT NOT NULL, changed_ms INTEGER NOT NULL, change_reason TEXT NOT NULL) STRICT;

CREATE TABLE jobs (job INTEGER PRIMARY KEY, name TEXT NOT NULL, show TEXT NOT NULL, sequence TEXT NOT NULL,
  shot TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL, paused INTEGER NOT NULL, priority INTEGER NOT NULL,
  submitted_by TEXT NOT NULL, submitted_ms INTEGER NOT NULL, submit_reason TEXT NOT NULL,
  changed_by TEXT NOT NULL, changed_ms INTEGER NOT NULL, change_reason TEXT NOT NULL,
  started_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL, swept INTEGER NOT NULL) STRICT;
CREATE TABLE job_documents (job INTEGER PRIMARY KEY, spec TEXT NOT NULL, plan TEXT NOT NULL, packages TEXT NOT NULL) STRICT;
CREATE TABLE layers (job INTEGER NOT NULL, layer INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
  shot TEXT NOT NULL, PRIMARY KEY (job, layer)) STRICT, WITHOUT ROWID;
CREATE TABLE phase_plans (job INTEGER NOT NULL, phase INTEGER NOT NULL, layer INTEGER NOT NULL, kind TEXT NOT NULL,
  variant INTEGER NOT NULL, seed INTEGER NOT NULL, tasks INTEGER NOT NULL, PRIMARY KEY (job, phase)) STRICT, WITHOUT ROWID;
CREATE TABLE phase_states (job INTEGER NOT NULL, phase INTEGER NOT NULL, state TEXT NOT NULL,
  waiting INTEGER NOT NULL, ready INTEGER NOT NULL, leased INTEGER NOT NULL, committed INTEGER NOT NULL,
  published INTEGER NOT NULL, failed INTEGER NOT NULL, quarantined INTEGER NOT NULL, cancelled INTEGER NOT NULL,
  device_class TEXT NOT NULL, PRIMARY KEY (job, phase)) STRICT, WITHOUT ROWID;
-- Rows with a rowid, because of the blob: 4,096 states, a byte each.
CREATE TABLE task_pages (job INTEGER NOT NULL, phase INTEGER NOT NULL, page INTEGER NOT NULL,
  waiting INTEGER NOT NULL, ready INTEGER NOT NULL, leased INTEGER NOT NULL, committed INTEGER NOT NULL,
  published INTEGER NOT NULL, failed INTEGER NOT NULL, quarantined INTEGER NOT NULL, cancelled INTEGER NOT NULL,
  states BLOB NOT NULL, UNIQUE (job, phase, page)) STRICT;
CREATE TABLE troubles (job INTEGER NOT NULL, phase INTEGER NOT NULL, task INTEGER NOT NULL,
  charged_tries INTEGER NOT NULL, lone_deaths TEXT NOT NULL, run_alone INTEGER NOT NULL, uncharged_returns INTEGER NOT NULL,
  last_outcome TEXT NOT NULL, last_code TEXT NOT NULL, last_message TEXT NOT NULL, last_attempt TEXT NOT NULL,
  PRIMARY KEY (job, phase, task)) STRICT, WITHOUT ROWID;

-- (epoch, counter) is the attempt; `attempt` is its text, the name of its staging directory.
CREATE TABLE attempts (epoch INTEGER NOT NULL, counter INTEGER NOT NULL, attempt TEXT NOT NULL,
  job INTEGER NOT NULL, phase INTEGER NOT NULL, first_task INTEGER NOT NULL, tasks INTEGER NOT NULL,
  worker INTEGER NOT NULL, slot INTEGER NOT NULL, slot_name TEXT NOT NULL, device_class TEXT NOT NULL,
  granted_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, live INTEGER NOT NULL, tasks_committed INTEGER NOT NULL,
  outcome TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,
  load_us INTEGER NOT NULL, compute_us INTEGER NOT NULL, write_us INTEGER NOT NULL, lost_us INTEGER NOT NULL,
  wall_us INTEGER NOT NULL, model_loads INTEGER NOT NULL, steps INTEGER NOT NULL, batch_max INTEGER NOT NULL,
  batch_mates TEXT NOT NULL, peak_bytes INTEGER NOT NULL, PRIMARY KEY (epoch, counter)) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_of_job ON attempts (job);
CREATE INDEX attempts_live ON attempts (live) WHERE live = 1;
CREATE TABLE attempt_outputs (epoch INTEGER NOT NULL, counter INTEGER NOT NULL, output_tail BLOB NOT NULL,
  UNIQUE (epoch, counter)) STRICT;

-- One row per finished task, written once, never changed.
CREATE TABLE commits (job INTEGER NOT NULL, phase INTEGER NOT NULL, task INTEGER NOT NULL,
  epoch INTEGER NOT NULL, counter INTEGER NOT NULL, worker INTEGER NOT NULL, time_ms INTEGER NOT NULL,
  duration_us INTEGER NOT NULL, root TEXT NOT NULL, device_class TEXT NOT NULL, files INTEGER NOT NULL,
  reads INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (job, phase, task)) STRICT, WITHOUT ROWID;
CREATE TABLE commit_files (job INTEGER NOT NULL, phase INTEGER NOT NULL, task INTEGER NOT NULL, number INTEGER NOT NULL,
  kind INTEGER NOT NULL, frame INTEGER NOT NULL, path TEXT NOT NULL, staged TEXT NOT NULL, size_bytes INTEGER NOT NULL,
  sha256 BLOB NOT NULL, samples_sha256 BLOB NOT NULL, PRIMARY KEY (job, phase, task, number)) STRICT, WITHOUT ROWID;
CREATE TABLE commit_reads (job INTEGER NOT NULL, phase INTEGER NOT NULL, task INTEGER NOT NULL, number INTEGER NOT NULL,
  root TEXT NOT NULL, path TEXT NOT NULL, size_bytes INTEGER NOT NULL, sha256 BLOB NOT NULL,
  PRIMARY KEY (job, phase, task, number)) STRICT, WITHOUT ROWID;
CREATE TABLE audit (number INTEGER PRIMARY KEY, principal TEXT NOT NULL, time_ms INTEGER NOT NULL, reason TEXT NOT NULL,
  verb TEXT NOT NULL, target TEXT NOT NULL, sequence INTEGER NOT NULL) STRICT;
)sql";

// What people read. Views hold no data, so that a later migration may replace them freely.
constexpr const char* kFirstViews = R"sql(
CREATE VIEW phases AS
  SELECT p.job, p.phase, l.name AS layer, p.kind, p.variant, p.seed, s.state, p.tasks, s.waiting, s.ready, s.leased,
    s.committed, s.published, s.failed, s.quarantined, s.cancelled, s.device_class
  FROM phase_plans p JOIN layers l ON l.job = p.job AND l.layer = p.layer
  LEFT JOIN phase_states s ON s.job = p.job AND s.phase = p.phase;

-- Tasks whose page was never written are all in one state: the one of which the phase counts more than its pages hold.
CREATE VIEW unlisted_tasks AS
  SELECT s.job, s.phase, s.waiting + s.ready + s.leased + s.committed + s.published + s.failed + s.quarantined
      + s.cancelled AS tasks,
    CASE WHEN s.waiting > p.waiting THEN 'waiting' WHEN s.ready > p.ready THEN 'ready'
      WHEN s.leased > p.leased THEN 'leased' WHEN s.committed > p.committed THEN 'committed'
      WHEN s.published > p.published THEN 'published' WHEN s.failed > p.failed THEN 'failed'
      WHEN s.quarantined > p.quarantined THEN 'quarantined' ELSE 'cancelled' END AS state
  FROM phase_states s JOIN (
    SELECT a.job, a.phase, ifnull(sum(b.waiting), 0) AS waiting, ifnull(sum(b.ready), 0) AS ready,
      ifnull(sum(b.leased), 0) AS leased, ifnull(sum(b.committed), 0) AS committed,
      ifnull(sum(b.published), 0) AS published, ifnull(sum(b.failed), 0) AS failed,
      ifnull(sum(b.quarantined), 0) AS quarantined
    FROM phase_states a LEFT JOIN task_pages b ON b.job = a.job AND b.phase = a.phase
    GROUP BY a.job, a.phase) p ON p.job = s.job AND p.phase = s.phase;

CREATE VIEW tasks AS
  SELECT p.job, p.phase, p.page * 4096 + n.i AS task,
    CASE substr(p.states, n.i + 1, 1) WHEN x'00' THEN 'waiting' WHEN x'01' THEN 'ready' WHEN x'02' THEN 'leased'
      WHEN x'03' THEN 'committed' WHEN x'04' THEN 'published' WHEN x'05' THEN 'failed' WHEN x'06' THEN 'quarantined'
      WHEN x'07' THEN 'cancelled' END AS state
  FROM task_pages p JOIN (
    WITH RECURSIVE up(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM up WHERE i < 4095) SELECT i FROM up) n
    ON n.i < length(p.states)
  UNION ALL
  SELECT u.job, u.phase, g.page * 4096 + n.i AS task, u.state
  FROM unlisted_tasks u JOIN (
    WITH RECURSIVE up(page) AS (SELECT 0 UNION ALL SELECT page + 1 FROM up WHERE page < 2441) SELECT page FROM up) g
    ON g.page * 4096 < u.tasks
      AND NOT EXISTS (SELECT 1 FROM task_pages t WHERE t.job = u.job AND t.phase = u.phase AND t.page = g.page)
  JOIN (
    WITH RECURSIVE up(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM up WHERE i < 4095) SELECT i FROM up) n
    ON g.page * 4096 + n.i < u.tasks;

CREATE VIEW frames AS
  SELECT c.job, c.phase, c.task, l.name AS layer, p.variant, f.frame, c.root, f.path, f.size_bytes,
    lower(hex(f.sha256)) AS sha256, lower(hex(f.samples_sha256)) AS samples_sha256, a.attempt, w.name AS worker,
    c.device_class, c.time_ms
  FROM commits c JOIN commit_files f ON f.job = c.job AND f.phase = c.phase AND f.task = c.task
  LEFT JOIN phase_plans p ON p.job = c.job AND p.phase = c.phase
  LEFT JOIN layers l ON l.job = p.job AND l.layer = p.layer
  LEFT JOIN attempts a ON a.epoch = c.epoch AND a.counter = c.counter
  LEFT JOIN workers w ON w.worker = c.worker;
)sql";

// What a phase's attempts came to, kept with the phase: a restart and a person's question need not read them all. And
// the frame that was found bad. Older rows are summed up from the attempts, as the core would have counted them.
constexpr const char* kTallies = R"sql(
ALTER TABLE phase_states ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE phase_states ADD COLUMN tries_charged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE phase_states ADD COLUMN windows_run_twice INTEGER NOT NULL DEFAULT 0;
ALTER TABLE phase_states ADD COLUMN model_loads INTEGER NOT NULL DEFAULT 0;
ALTER TABLE phase_states ADD COLUMN device_us INTEGER NOT NULL DEFAULT 0;
UPDATE phase_states SET (attempts, tries_charged, windows_run_twice, model_loads, device_us) = (
  SELECT count(*), ifnull(sum(NOT live AND outcome IN ('failed', 'timeout', 'bad_output')), 0),
    ifnull(sum(NOT live AND steps > 0 AND tasks_committed < tasks AND
      outcome NOT IN ('ok', 'revoked', 'not_admitted', 'input_not_visible')), 0),
    ifnull(sum(model_loads), 0), ifnull(sum(load_us + compute_us + lost_us), 0)
  FROM attempts a WHERE a.job = phase_states.job AND a.phase = phase_states.phase);
ALTER TABLE troubles ADD COLUMN last_frame INTEGER;

DROP VIEW phases;
CREATE VIEW phases AS
  SELECT p.job, p.phase, l.name AS layer, p.kind, p.variant, p.seed, s.state, p.tasks, s.waiting, s.ready, s.leased,
    s.committed, s.published, s.failed, s.quarantined, s.cancelled, s.device_class, s.attempts, s.tries_charged,
    s.windows_run_twice, s.model_loads, s.device_us
  FROM phase_plans p JOIN layers l ON l.job = p.job AND l.layer = p.layer
  LEFT JOIN phase_states s ON s.job = p.job AND s.phase = p.phase;
)sql";

// What an attempt used and touched. Which files, stands in its commits; here is how many.
constexpr const char* kAttemptFacts = R"sql(
ALTER TABLE attempts ADD COLUMN devices TEXT NOT NULL DEFAULT '[]';
ALTER TABLE attempts ADD COLUMN batch_sizes TEXT NOT NULL DEFAULT '[]';
ALTER TABLE attempts ADD COLUMN files_written INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN files_read INTEGER NOT NULL DEFAULT 0;
UPDATE attempts SET files_written = c.files, files_read = c.reads
  FROM (SELECT epoch, counter, sum(files) AS files, sum(reads) AS reads FROM commits GROUP BY epoch, counter) c
  WHERE c.epoch = attempts.epoch AND c.counter = attempts.counter;
)sql";

// Pages are not kept up to date while all tasks of a phase are alike (the counts tell everything then): the views
// believed them all the same. And what is a frame among the files.
constexpr const char* kToldPages = R"sql(
DROP VIEW tasks;
DROP VIEW unlisted_tasks;
DROP VIEW frames;
CREATE VIEW told_pages AS
  SELECT t.* FROM task_pages t JOIN phase_states s ON s.job = t.job AND s.phase = t.phase
  WHERE max(s.waiting, s.ready, s.leased, s.committed, s.published, s.failed, s.quarantined, s.cancelled) <
    s.waiting + s.ready + s.leased + s.committed + s.published + s.failed + s.quarantined + s.cancelled;

CREATE VIEW unlisted_tasks AS
  SELECT s.job, s.phase, s.waiting + s.ready + s.leased + s.committed + s.published + s.failed + s.quarantined
      + s.cancelled AS tasks,
    CASE WHEN s.waiting > p.waiting THEN 'waiting' WHEN s.ready > p.ready THEN 'ready'
      WHEN s.leased > p.leased THEN 'leased' WHEN s.committed > p.committed THEN 'committed'
      WHEN s.published > p.published THEN 'published' WHEN s.failed > p.failed THEN 'failed'
      WHEN s.quarantined > p.quarantined THEN 'quarantined' ELSE 'cancelled' END AS state
  FROM phase_states s JOIN (
    SELECT a.job, a.phase, ifnull(sum(b.waiting), 0) AS waiting, ifnull(sum(b.ready), 0) AS ready,
      ifnull(sum(b.leased), 0) AS leased, ifnull(sum(b.committed), 0) AS committed,
      ifnull(sum(b.published), 0) AS published, ifnull(sum(b.failed), 0) AS failed,
      ifnull(sum(b.quarantined), 0) AS quarantined
    FROM phase_states a LEFT JOIN told_pages b ON b.job = a.job AND b.phase = a.phase
    GROUP BY a.job, a.phase) p ON p.job = s.job AND p.phase = s.phase;

CREATE VIEW tasks AS
  SELECT p.job, p.phase, p.page * 4096 + n.i AS task,
    CASE substr(p.states, n.i + 1, 1) WHEN x'00' THEN 'waiting' WHEN x'01' THEN 'ready' WHEN x'02' THEN 'leased'
      WHEN x'03' THEN 'committed' WHEN x'04' THEN 'published' WHEN x'05' THEN 'failed' WHEN x'06' THEN 'quarantined'
      WHEN x'07' THEN 'cancelled' END AS state
  FROM told_pages p JOIN (
    WITH RECURSIVE up(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM up WHERE i < 4095) SELECT i FROM up) n
    ON n.i < length(p.states)
  UNION ALL
  SELECT u.job, u.phase, g.page * 4096 + n.i AS task, u.state
  FROM unlisted_tasks u JOIN (
    WITH RECURSIVE up(page) AS (SELECT 0 UNION ALL SELECT page + 1 FROM up WHERE page < 2441) SELECT page FROM up) g
    ON g.page * 4096 < u.tasks
      AND NOT EXISTS (SELECT 1 FROM told_pages t WHERE t.job = u.job AND t.phase = u.phase AND t.page = g.page)
  JOIN (
    WITH RECURSIVE up(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM up WHERE i < 4095) SELECT i FROM up) n
    ON g.page * 4096 + n.i < u.tasks;

CREATE VIEW frames AS
  SELECT c.job, c.phase, c.task, l.name AS layer, p.variant,
    CASE f.kind WHEN 0 THEN 'frame' WHEN 1 THEN 'latents' WHEN 2 THEN 'movie' WHEN 3 THEN 'sheet' ELSE 'other' END AS kind,
    f.frame, c.root, f.path, f.size_bytes,
    lower(hex(f.sha256)) AS sha256, lower(hex(f.samples_sha256)) AS samples_sha256, a.attempt, w.name AS worker,
    c.device_class, c.time_ms
  FROM commits c JOIN commit_files f ON f.job = c.job AND f.phase = c.phase AND f.task = c.task
  LEFT JOIN phase_plans p ON p.job = c.job AND p.phase = c.phase
  LEFT JOIN layers l ON l.job = p.job AND l.layer = p.layer
  LEFT JOIN attempts a ON a.epoch = c.epoch AND a.counter = c.counter
  LEFT JOIN workers w ON w.worker = c.worker;
)sql";

// On which workers a task's charged tries failed, whether it is granted by itself, and which layers of a job are held:
// [[layer, since in ms, code, message], ...].
constexpr const char* kWhoseFault = R"sql(
ALTER TABLE troubles ADD COLUMN failed_on TEXT NOT NULL DEFAULT '[]';
ALTER TABLE troubles ADD COLUMN run_single INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN stuck TEXT NOT NULL DEFAULT '[]';
)sql";

// Which tree all hosts must mean by a root's name.
constexpr const char* kRootIds = R"sql(
CREATE TABLE root_ids (name TEXT PRIMARY KEY, id TEXT NOT NULL) STRICT, WITHOUT ROWID;
)sql";

// Commits whose files were lost before they were published, and which another commit of the task has followed or will.
// With row ids: SQLite 3.40 checks the wrong columns of a table without them whose key is not in front.
constexpr const char* kWithdrawn = R"sql(
CREATE TABLE withdrawn_commits (job INTEGER NOT NULL, phase INTEGER NOT NULL, task INTEGER NOT NULL,
  epoch INTEGER NOT NULL, counter INTEGER NOT NULL, worker INTEGER NOT NULL, time_ms INTEGER NOT NULL,
  duration_us INTEGER NOT NULL, root TEXT NOT NULL, device_class TEXT NOT NULL, files INTEGER NOT NULL,
  reads INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (job, phase, task, sequence)) STRICT;
CREATE TABLE withdrawn_files (job INTEGER NOT NULL, phase INTEGER NOT NULL, task INTEGER NOT NULL,
  number INTEGER NOT NULL, kind INTEGER NOT NULL, frame INTEGER NOT NULL, path TEXT NOT NULL, staged TEXT NOT NULL,
  size_bytes INTEGER NOT NULL, sha256 BLOB NOT NULL, samples_sha256 BLOB NOT NULL, sequence INTEGER NOT NULL,
  PRIMARY KEY (job, phase, task, sequence, number)) STRICT;
CREATE TABLE withdrawn_reads (job INTEGER NOT NULL, phase INTEGER NOT NULL, task INTEGER NOT NULL,
  number INTEGER NOT NULL, root TEXT NOT NULL, path TEXT NOT NULL, size_bytes INTEGER NOT NULL, sha256 BLOB NOT NULL,
  sequence INTEGER NOT NULL, PRIMARY KEY (job, phase, task, sequence, number)) STRICT;
)sql";

// Published tasks that are made again by a job of their own. Beside each file's recorded digests stand those that came
// out; the first job's commit stays as it is, and the remake has its own, if its files took their names.
constexpr const char* kRemakes = R"sql(
CREATE TABLE remakes (job INTEGER PRIMARY KEY, of_job INTEGER NOT NULL, replaces INTEGER NOT NULL) STRICT;
CREATE TABLE remade_tasks (job INTEGER NOT NULL, phase INTEGER NOT NULL, task INTEGER NOT NULL, of_job INTEGER NOT NULL,
  outcome TEXT NOT NULL, time_ms INTEGER NOT NULL, PRIMARY KEY (job, phase, task)) STRICT, WITHOUT ROWID;
CREATE INDEX remade_of_task ON remade_tasks (of_job, phase, task, job);
CREATE TABLE remade_files (job INTEGER NOT NULL, phase INTEGER NOT NULL, task INTEGER NOT NULL, number INTEGER NOT NULL,
  is_after INTEGER NOT NULL, kind INTEGER NOT NULL, frame INTEGER NOT NULL, path TEXT NOT NULL, staged TEXT NOT NULL,
  size_bytes INTEGER NOT NULL, sha256 BLOB NOT NULL, samples_sha256 BLOB NOT NULL,
  PRIMARY KEY (job, phase, task, is_after, number)) STRICT, WITHOUT ROWID;
CREATE VIEW remade AS
  SELECT t.of_job AS job, t.job AS remake, l.name AS layer, b.frame, b.path, t.outcome, j.submitted_by AS asked_by,
    j.submit_reason AS reason, r.replaces, lower(hex(b.sha256)) AS recorded_sha256, lower(hex(a.sha256)) AS made_sha256,
    t.time_ms
  FROM remade_tasks t JOIN remakes r ON r.job = t.job JOIN jobs j ON j.job = t.job
  JOIN remade_files b ON b.job = t.job AND b.phase = t.phase AND b.task = t.task AND NOT b.is_after
  LEFT JOIN remade_files a ON a.job = t.job AND a.phase = t.phase AND a.task = t.task AND a.is_after AND a.path = b.path
  LEFT JOIN phase_plans p ON p.job = t.job AND p.phase = t.phase
  LEFT JOIN layers l ON l.job = p.job AND l.layer = p.layer;

-- What stands under a committed file's name now, where that is not what was committed. The columns beside max() are
-- those of the newest remake.
CREATE VIEW standing AS
  SELECT t.of_job AS job, t.phase, t.task, a.path, a.size_bytes, a.sha256, a.samples_sha256, max(t.job) AS remake
  FROM remade_tasks t JOIN remade_files a ON a.job = t.job AND a.phase = t.phase AND a.task = t.task AND a.is_after
  WHERE t.outcome IN ('same_samples', 'replaced') GROUP BY t.of_job, t.phase, t.task, a.path;
DROP VIEW frames;
CREATE VIEW frames AS
  SELECT c.job, c.phase, c.task, l.name AS layer, p.variant,
    CASE f.kind WHEN 0 THEN 'frame' WHEN 1 THEN 'latents' WHEN 2 THEN 'movie' WHEN 3 THEN 'sheet' ELSE 'other' END
      AS kind,
    f.frame, c.root, f.path, ifnull(s.size_bytes, f.size_bytes) AS size_bytes,
    lower(hex(ifnull(s.sha256, f.sha256))) AS sha256,
    lower(hex(ifnull(s.samples_sha256, f.samples_sha256))) AS samples_sha256, a.attempt, w.name AS worker,
    c.device_class, c.time_ms
  FROM commits c JOIN commit_files f ON f.job = c.job AND f.phase = c.phase AND f.task = c.task
  LEFT JOIN standing s ON s.job = f.job AND s.phase = f.phase AND s.task = f.task AND s.path = f.path
  LEFT JOIN phase_plans p ON p.job = c.job AND p.phase = c.phase
  LEFT JOIN layers l ON l.job = p.job AND l.layer = p.layer
  LEFT JOIN attempts a ON a.epoch = c.epoch AND a.counter = c.counter
  LEFT JOIN workers w ON w.worker = c.worker;
)sql";

// Why nothing of a job is granted, [[kind, who, since in ms, why, until in ms or 0], ...], in place of the one flag. Who
// paused a job, and when, is in the audit; where that is not known, its last change is the best there is.
constexpr const char* kHolds = R"sql(
ALTER TABLE jobs ADD COLUMN holds TEXT NOT NULL DEFAULT '[]';
UPDATE jobs SET holds = ifnull(
  (SELECT json_array(json_array('pause', a.principal, a.time_ms, a.reason, 0)) FROM audit a
    WHERE a.verb = 'pause' AND a.target = 'job ' || jobs.job ORDER BY a.number DESC LIMIT 1),
  json_array(json_array('pause', changed_by, changed_ms, change_reason, 0)))
  WHERE paused <> 0;
ALTER TABLE jobs DROP COLUMN paused;
)sql";

// How long tasks of a phase have waited for files of roots: [clock in ms, [first task, tasks, since, since in ms of wall
// time], ...]; `since` is a reading of that clock.
constexpr const char* kFileWaits = R"sql(
ALTER TABLE phase_states ADD COLUMN file_waits TEXT NOT NULL DEFAULT '[]';
)sql";

// When a job is wanted, which may be changed after the submit (0: never said), and the jobs that it still waits for:
// [[job, "done" or "over"], ...]. The deadlines of older jobs are in their specs, to the second.
constexpr const char* kWaits = R"sql(
ALTER TABLE jobs ADD COLUMN deadline_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN awaits TEXT NOT NULL DEFAULT '[]';
UPDATE jobs SET deadline_ms = ifnull(1000 * CAST(strftime('%s', (SELECT json_extract(d.spec, '$.deadline')
    FROM job_documents d WHERE d.job = jobs.job AND json_valid(d.spec))) AS INTEGER), 0);
)sql";

// Drains that are planned for a time (0: none), by whom, and why.
constexpr const char* kDrainPlans = R"sql(
ALTER TABLE workers ADD COLUMN drain_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workers ADD COLUMN drain_planned_by TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN drain_planned_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workers ADD COLUMN drain_reason TEXT NOT NULL DEFAULT '';
)sql";

// Counts of limits that people changed while the scheduler ran, and what the configuration said then.
constexpr const char* kLimits = R"sql(
CREATE TABLE limits (name TEXT PRIMARY KEY, count INTEGER NOT NULL, configured INTEGER NOT NULL,
  changed_by TEXT NOT NULL, changed_ms INTEGER NOT NULL, change_reason TEXT NOT NULL) STRICT, WITHOUT ROWID;
)sql";

// What users' work on each show has used, weighted by device and decayed to `at_ms`; and what people set of the shares at
// run time: without a value the configuration's holds.
constexpr const char* kShares = R"sql(
CREATE TABLE share_usage (show TEXT NOT NULL, user TEXT NOT NULL, used_us INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (show, user)) STRICT, WITHOUT ROWID;
CREATE TABLE share_rules (path TEXT PRIMARY KEY, weight REAL, guarantee INTEGER, changed_by TEXT NOT NULL,
  changed_ms INTEGER NOT NULL, change_reason TEXT NOT NULL) STRICT, WITHOUT ROWID;
)sql";

// Slots that a share's work may hold at once: nothing as configured, 0 as many as there are.
constexpr const char* kShareCaps = R"sql(
ALTER TABLE share_rules ADD COLUMN slots_max INTEGER;
)sql";

constexpr std::array kMigrations{
    Migration{1, kFirst},       Migration{2, kFirstViews}, Migration{3, kTallies},    Migration{4, kAttemptFacts},
    Migration{5, kToldPages},   Migration{6, kWhoseFault}, Migration{7, kRootIds},    Migration{8, kWithdrawn},
    Migration{9, kRemakes},     Migration{10, kHolds},     Migration{11, kFileWaits}, Migration{12, kWaits},
    Migration{13, kDrainPlans}, Migration{14, kLimits},    Migration{15, kShares},    Migration{16, kShareCaps}};

}  // namespace

std::span<const Migration> migrations() {
  return kMigrations;
}

std::uint32_t newest_schema() {
  return kMigrations.back().number;
}

}  // namespace framemill::scheduler::store
