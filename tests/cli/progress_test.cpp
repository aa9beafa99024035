#include "cli/progress.h"

#include <catch2/catch.hpp>

#include "samples.h"

namespace framemill::cli {
namespace {

using namespace testing;

Terminal plain_terminal(int width = 100, int height = 30) {
  Terminal terminal;
  terminal.interactive = true;
  terminal.utf8 = true;
  terminal.width = width;
  terminal.height = height;
  return terminal;
}

JobView job_of(const JobSample& sample) {
  auto job = read_job(*parse_json(job_json(sample)));
  REQUIRE(job.ok());
  return *job;
}

std::vector<WorkerView> workers_of(const std::string& items) {
  auto workers = read_workers(*parse_json("{\"items\":[" + items + "]}"));
  REQUIRE(workers.ok());
  return *workers;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

ProgressViews early() {
  JobSample sample;
  sample.published = 0;
  sample.layers = layer_json("boards", "generate", "running", 0, 96, 6, 6) + "," +
                  layer_json("hb_0010", "generate", "waiting", 0, 96, 7, 1);
  ProgressViews views;
  views.job = job_of(sample);
  views.workers =
      workers_of(worker_json(1, "w1", slot_json("cpu0", lease_json("boards", 0, 0, 0, "denoise", false, 0))) + "," +
                 worker_json(2, "w2", slot_json("cpu0", "")));
  views.elapsed_ms = 4'000;
  return views;
}

ProgressViews running() {
  JobSample sample;
  sample.eta = "95000";
  sample.layers = layer_json("boards", "generate", "done", 96, 96, 6, 6, 1) + "," +
                  layer_json("hb_0010", "generate", "running", 48, 96, 7, 1, 2, 1, "40000") + "," +
                  layer_json("cut", "encode", "waiting", 0, 0, 0, 1);
  ProgressViews views;
  views.job = job_of(sample);
  views.workers = workers_of(
      worker_json(1, "w1", slot_json("cpu0", lease_json("boards", 3, 0, 14) + "," + lease_json("hb_0010", 0, 4, 2))) +
      "," + worker_json(2, "w2", slot_json("cpu0", lease_json("cut", 0, 0, 0, "encode", true, 0, 11)), "draining") +
      "," + worker_json(3, "w3", slot_json("cpu0", ""), "silent"));
  views.explanation = *read_explanation(*parse_json(explanation_json("hb_0020 t0 frame 1040 waits for boards t3")));
  views.elapsed_ms = 83'000;
  return views;
}

}  // namespace

TEST_CASE("before a window has been measured the display says so") {
  CHECK(joined(progress_lines(early(), plain_terminal())) ==
        "job 12 storm  harbor/hb/hb_0010 v001  running  0/192 frames  0:04  measuring\n"
        "boards   ░░░░░░░░░░░░░░░░░░░░░░░░░░░░  0/96  running\n"
        "hb_0010  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░  0/96  waiting\n"
        "w1/cpu0  demo-clips@1 loading  boards variant 0  step 0/20\n"
        "w2/cpu0  idle\n");
}

TEST_CASE("the display has a bar per layer, a line per slot and a sentence about what waits") {
  CHECK(joined(progress_lines(running(), plain_terminal(120))) ==
        "job 12 storm  harbor/hb/hb_0010 v001  running  48/192 frames  1:23  about 2 min left\n"
        "boards   ████████████████████████████  96/96  done      ↻\n"
        "hb_0010  ██████████████░░░░░░░░░░░░░░  48/96  running   about 40 s ✗ ↻↻\n"
        "cut      ██████████████░░░░░░░░░░░░░░    4/8  waiting\n"
        "w1/cpu0  demo-clips@1 warm  boards variant 3, hb_0010 window 5  step 14/20  batch 4\n"
        "w2/cpu0  draining  demo-clips@1 warm  job 11 cut  encode\n"
        "w3/cpu0  silent for 0:21\n"
        "hb_0020 t0 frame 1040 waits for boards t3\n");
}

TEST_CASE("the display is never wider or higher than the terminal") {
  for (const int width : {20, 33, 60, 90})
    for (const int height : {6, 7, 10}) {
      Terminal terminal = plain_terminal(width, height);
      terminal.colour = true;
      const auto lines = progress_lines(running(), terminal);
      CHECK(lines.size() < static_cast<std::size_t>(height));
      for (const std::string& line : lines) CHECK(display_width(line) <= static_cast<std::size_t>(width));
    }
}

TEST_CASE("on a narrow terminal names are cut, and never what is done and what is left") {
  ProgressViews views = running();
  views.job.name = "a name that somebody made far too long for any terminal of this world";
  const auto lines = progress_lines(views, plain_terminal(80));
  CHECK(lines[0] == "job 12 a name that somebody mad…  running  48/192 frames  1:23  about 2 min left");
  views.job.layers[1].name = "a_layer_with_a_very_long_name";
  const auto narrow = progress_lines(views, plain_terminal(80));
  CHECK(narrow[2] == "a_layer_with_a_very_lon…  █████████░░░░░░░░░░  48/96  running   about 40 s ✗ ↻↻");
  CHECK(progress_lines(views, plain_terminal(40))[0].find("48/192 frames  1:23") != std::string::npos);
}

TEST_CASE("a batch names its layer once, its windows in order, and counts what does not fit") {
  ProgressViews views = early();
  std::string leases;
  for (const int variant : {1, 0, 5, 3, 2}) leases += (leases.empty() ? "" : ",") + lease_json("boards", variant, 0, 3);
  views.workers = workers_of(worker_json(1, "w1", slot_json("cpu0", leases)));
  CHECK(progress_lines(views, plain_terminal(80)).back() ==
        "w1/cpu0  demo-clips@1 warm  boards variants 0 1 2 and 2 more  step 3/20  batch 4");
}

TEST_CASE("when all frames are there and a movie is not, the job is finishing") {
  ProgressViews views = early();
  views.job.frames_published = views.job.frames;
  CHECK(progress_lines(views, plain_terminal())[0].ends_with("192/192 frames  0:04  finishing"));
}

TEST_CASE("a slot that loads says so once, one that decodes has loaded") {
  ProgressViews views = early();
  views.workers[0].slots[0].leases[0].steps = 0;
  views.workers[0].slots[0].leases[0].detail = "loading demo-clips@1";
  views.workers[0].slots[0].leases[0].loading_model = true;
  CHECK(progress_lines(views, plain_terminal())[3] == "w1/cpu0  demo-clips@1 loading  boards variant 0");
  views.workers[0].slots[0].leases[0].detail = "loading demo-clips@1, 43 %";
  CHECK(progress_lines(views, plain_terminal())[3] == "w1/cpu0  demo-clips@1 loading 43 %  boards variant 0");
  views.workers[0].slots[0].leases[0].detail = "decoding";
  views.workers[0].slots[0].leases[0].loading_model = false;
  CHECK(progress_lines(views, plain_terminal())[3] == "w1/cpu0  demo-clips@1 warm  boards variant 0  decoding");
}

TEST_CASE("a long sentence about what waits continues on the next line") {
  ProgressViews views = running();
  views.explanation->sentence =
      "final_edit is ready and can never run on this farm: w1/cpu0: the worker cannot encode; install ffmpeg there";
  const auto lines = progress_lines(views, plain_terminal(60));
  REQUIRE(lines.size() == 9);
  CHECK(lines[7] == "final_edit is ready and can never run on this farm: w1/cpu0:");
  CHECK(lines[8] == "the worker cannot encode; install ffmpeg there");
  CHECK(progress_lines(views, plain_terminal(60, 10)).back().ends_with("w1/cpu0…"));
}

TEST_CASE("a farm larger than the screen shows the slots that work on the job first") {
  ProgressViews views = running();
  std::string items;
  for (int i = 1; i <= 30; ++i)
    items += (i > 1 ? "," : "") +
             worker_json(i, "n" + std::to_string(i), slot_json("cuda0", i == 29 ? lease_json("hb_0010", 0, 5, 7) : ""));
  views.workers = workers_of(items);
  const auto lines = progress_lines(views, plain_terminal(100, 10));
  REQUIRE(lines.size() == 9);
  CHECK(lines[4].starts_with("n29/cuda0  demo-clips@1 warm  hb_0010 window 6  step 7/20"));
  CHECK(lines[7] == "and 27 more slots");
}

TEST_CASE("without UTF-8 the bars and marks are ASCII") {
  Terminal terminal = plain_terminal();
  terminal.utf8 = false;
  for (const std::string& line : progress_lines(running(), terminal))
    CHECK(line.find_first_not_of(
              " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") ==
          std::string::npos);
}

TEST_CASE("colours come only when the terminal has them") {
  CHECK(joined(progress_lines(running(), plain_terminal())).find('\x1b') == std::string::npos);
  Terminal terminal = plain_terminal();
  terminal.colour = true;
  CHECK(joined(progress_lines(running(), terminal)).find("\x1b[32m████") != std::string::npos);
}

TEST_CASE("in a log the progress is one line") {
  CHECK(progress_line(early()) == "[0:04] job 12 running: 0/192 frames, boards 0/96, 1 slot busy, measuring");
  CHECK(progress_line(running()) ==
        "[1:23] job 12 running: 48/192 frames, hb_0010 48/96 (1 failed), 1 slot busy, about 2 min left; "
        "hb_0020 t0 frame "
        "1040 waits for boards t3");
}

TEST_CASE("the outcome gives frames, time, speed and what failed") {
  JobSample sample;
  sample.state = "failed";
  sample.published = 96;
  sample.failures =
      R"({"code":"bad_output","message":"NaN in frame 1009","count":2,"first_frame":1009,"layer":"hb_0010"})";
  CHECK(outcome_text(job_of(sample), 48'000, Terminal{}) ==
        "job 12 is failed: 96 of 192 frames in 0:48, 2.0 frames/s, 2 model loads, 1 failed try\n"
        "  2 bad_output in hb_0010: NaN in frame 1009\n");
}

}  // namespace framemill::cli
