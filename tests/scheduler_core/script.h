// The language of tests/scenarios/*.scn: one statement per line, told in order to a farm on a stage. A scenario fails
// with its line and what was found instead.
//
//
//   farm KEY=VALUE ...                   settings: lease_ttl_s silence_s jobs_max finished_jobs_max leases_per_slot_max
//                                        live_jobs_per_user tokens=nuke:2,houdini:1 models=demo@1:4
//                                        programs=nuke_bin:nuke
//   grants_per_turn
//                                        publish_duties_per_worker_max publish_duties_max
//   package NAME@VERSION window= context= batch= batch_cpu= resident_mib= window_mib=   what submits know of it
//   worker NAME slots= device=cpu|cuda class= memory_mib= cpus= packages=A,B roots=A,B commands=A,B media=yes digest=N
//        looks=yes lost=ROOTS reads=ROOTS id=ID|none
//        trouble=CODE trouble_root=ROOT (what is wrong with its host, or there)
//        confinement=refused|enforced.. (of commands) confines=WORD (its text)
//                                        joins with its first report; again: its inventory changed
//   wall steady                          as the first line: what follows depends on the wall clock, which may rank and gate
//   shares [half_life_s=] PATH:WEIGHT[:GUARANTEE[:SLOTS_MAX]] ...      before all else: the configuration of the shares
//   share PATH [weight= guarantee= slots_max= reset=yes reason=]      a person sets it at run time
//   submit JOB [priority= version= token= shot= by= show=]       and then, indented, its layers:
//     deadline_s= start_s= (moments, so many seconds from now) start_after=90s after=A,B:over,name=C
//     layer NAME KIND key=value ...      keys of the spec; values as in TOML, quotes may be left out
//   report W ...      pass 20s [W ...]   time passes, the named workers report every second
//   sleep 20s                            time passes and nobody calls the farm
//   finish W PHASE TASKS                 PHASE is layer[:variant][.kind]; TASKS is 0 or 0-3; path=, staged=: what the
//                                        first file is called instead; contents=, samples=: what its digests are of;
//                                        took=SECONDS of each
//   finished_by N W PHASE TASK           a finished task of attempt number N, whether W holds it or not
//   staged N W PHASE TASKS               W has found finished tasks of attempt number N, which has ended, in its storage
//   end W PHASE OUTCOME [alone=yes] [task=] [frame=] [code=] [message=] [peak_mib=] [loads=] [steps=]   the attempt there ends so
//   looks W PHASE FRAMES|none [refused=FRAME] [problem=WORD]   what it found of the files it watches for the phase
//   lose W PHASE                         the worker forgets an attempt without a word
//   undeliverable W PHASE too_large|inputs_unknown|not_sent   the grant of its attempt there could not be sent
//   publish W      run W [times]         publish: what was ordered; run: finish and publish all until nothing comes
//   publish_fails W CODE                 what was ordered fails
//   drops W                              what was ordered to publish, and manifests, are lost on the way
//   misses W revokes|nothing             revokes are lost on the way to it, from now on
//   keeps W manifests|publishing|order   manifests are not written by themselves | it names the orders it holds | its
//                                        slots run one attempt after the other
//   manifests W [CODE]                   it wrote them, or could not
//   late W                               a report of its former process, from before the restart, comes now
//   restart farm|W     drain|undrain|revoke|clear W [reason= by=]     drain W in=60s (by itself then)     sigterm W
//   pause JOB [kind= by= reason= for_s=]      resume JOB [kind=] [now=yes]      cancel|retry JOB [layer= frames=]
//   priority JOB N      deadline JOB 20s|none (from now)      disk full|ok
//   limit NAME N [by= reason=]           so many there are from now on
//   selected cancel|pause|resume|priority JOBS [only_in=STATE priority=N by= reason=]   many at once: JOBS is A,B,C
//   retry JOB remake=NAME [replace=yes] [layer= frames=]   NAME stands for the job that makes them again
//   expect grants N | grant W/SLOT PHASE TASKS | no grant PHASE | revoke W REASON [keeps=TASKS] | no revokes | publish W PHASE TASKS | watch W PHASE FRAMES (it is to look for them) | no watch W
//          no publish | no manifest W | manifest W JOB REVISION (it holds the order) | discard W JOB | sweeps nothing | error CODE | ok |
//          repeated | changed N | changed_jobs N skipped=N | refused W | warns WORD | warnings N (of the submit)
//   expect job JOB STATE | task JOB PHASE TASK STATE | layer JOB NAME STATE | version JOB N | worker W STATE |
//   drain W taken_back=N held=N | plan W yes|no (to drain at a time) | quarantined W | trusted W | aside W JOB LAYER [says=WORD] | event WHAT [says=WORD] |
//          condition JOB none|stuck|blocked|starved|throttled|input_missing|waiting [layer= says=WORD] |
//          counts JOB PHASE STATE N | batch_max N | booked W/SLOT MIB | tries JOB LAYER N | retried JOB LAYER N |
//          holds JOB [KIND:PERSON ...] (all of them) | deadline JOB none|far|at_risk |
//          share PATH slots=N ready=N weight=N guarantee=N slots_max=N says=WORD |
//          tally JOB attempts= retries= loads= twice= | failure JOB CODE count= frame=
//          limit NAME count=N in_use=N waiting=N
//          remade JOB FRAME OUTCOME (of the job's remakes; of a remake, of itself)
//   diagnose JOB nothing | KIND [LAYER] [blame=work|host|input|unknown tasks=N frames=F code= on=W:N,W:N waits=LAYER]
//            [because=WORD next=WORD says=WORD]   one of its findings; says: the sentence of the whole
//   explain JOB [layer= variant= frame=] REASON ... [never] [says=WORD] | error=CODE   its reasons, in any order
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stage.h"
#include "statement.h"

namespace framemill::scheduler::stage {

enum class WallClock { Steady, Jumping };  // jumping: before each statement an hour forwards, or two backwards

// Runs the scenario; empty when everything came as it says, else "line 12: ...".
std::string run_script(const std::string& text, WallClock wall = WallClock::Steady);

TaskRange tasks_of(const std::string& text);  // "0" or "0-3"

class Script {
 public:
  explicit Script(WallClock wall) : wall_(wall) {}
  std::string run(const std::string& text);

 private:
  using Act = void (Script::*)(const Statement&);
  void obey(const std::string& line, int number);
  Stage& stage();
  void farm(const Statement& s);
  void shares(const Statement& s);
  void share(const Statement& s);
  void package(const Statement& s);
  void worker(const Statement& s);
  void submit(const Statement& s);
  void add_layer(const Statement& s);
  void submit_pending();
  void report(const Statement& s);
  void pass(const Statement& s);
  void sleep(const Statement& s);
  void finish(const Statement& s);
  void finished_by(const Statement& s);
  void staged(const Statement& s);
  void end(const Statement& s);
  void lose(const Statement& s);
  void undeliverable(const Statement& s);
  void stands_still(const Statement& s);
  void misses(const Statement& s);
  void looks(const Statement& s);
  void publish(const Statement& s);
  void publish_fails(const Statement& s);
  void drops(const Statement& s);
  void keeps(const Statement& s);
  void manifests(const Statement& s);
  // Everything that the workers hold or are ordered, until nothing more comes.
  void run_all(const Statement& s);
  void restart(const Statement& s);
  void late(const Statement& s);
  void sigterm(const Statement& s);
  void wall(const Statement& s);
  std::string awaited_toml(const std::string& text);
  void disk(const Statement& s);
  void worker_verb(const Statement& s);
  void job_verb(const Statement& s);
  void selected(const Statement& s);
  void limit(const Statement& s);
  WorkerId worker_id(const std::string& name);
  JobId job_id(const std::string& name);
  std::string last_job(const Statement& s);
  // "boards:1.decode"
  PhaseId phase_of(const std::string& job, const std::string& text);
  AttemptId attempt_of(const Player& player, PhaseId phase, std::optional<TaskIndex> task);
  std::string phase_text(PhaseId id);
  std::string grants_text();
  void require(bool holds, const std::string& found);
  template <class State>
  void require_state(State found, const std::string& wanted) {
    require(jobs::name(found) == wanted, std::string(jobs::name(found)));
  }
  void expect(const Statement& s);
  void expect_grants(const Statement& s);
  void expect_orders(const Statement& s);
  void expect_answer(const Statement& s);
  void expect_worker(const Statement& s);
  void expect_limit(const Statement& s);
  void expect_share(const Statement& s);
  void expect_event(const Statement& s);
  void expect_job(const Statement& s);
  void expect_tally(const Statement& s, const JobView& view);
  void explain(const Statement& s);
  void diagnose(const Statement& s);
  WallClock wall_;
  FarmSettings settings_;
  std::unique_ptr<Stage> stage_;
  std::vector<jobs::PackageFacts> packages_;
  std::map<std::string, JobId> jobs_;
  Words order_;
  std::optional<Statement> pending_;
  std::string spec_;
  std::optional<base::Result<AnswerValue>> answer_;
};

}  // namespace framemill::scheduler::stage
