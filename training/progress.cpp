#include "training/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace framemill::train {

Progress::Progress(std::string phase, const std::filesystem::path& csv, std::int64_t first_step, std::int64_t steps)
    : phase_(std::move(phase)), csv_(csv, std::ios::app), first_step_(first_step), steps_(steps),
      started_(std::chrono::steady_clock::now()), terminal_(isatty(STDERR_FILENO) == 1) {
  if (csv_.tellp() == 0) csv_ << "step,minutes_since_start,loss,figure,learning_rate\n";
}

Progress::~Progress() {
  if (terminal_) std::fputc('\n', stderr);
}

double Progress::minutes() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count() / 60.0;
}

void Progress::on_step(std::int64_t step, double loss, double second_figure, double learning_rate) {
  loss_sum_ += loss;
  figure_sum_ += second_figure;
  if (++count_ == kInterval || step == steps_) write_row(step, learning_rate);
}

void Progress::write_row(std::int64_t step, double learning_rate) {
  const double mean = loss_sum_ / count_, figure = figure_sum_ / count_, elapsed = minutes();
  csv_ << fmt::format("{},{:.3f},{:.6f},{:.4f},{:.3g}\n", step, elapsed, mean, figure, learning_rate) << std::flush;
  const double per_step = elapsed * 60.0 / static_cast<double>(step - first_step_);
  if (terminal_ || rows_++ % 5 == 0 || step == steps_) {
    fmt::print(stderr, "{}{} step {}/{}  loss {:.5f}  {:.3f}  lr {:.2g}  {:.3f} s/step  {:.1f} min left{}",
               terminal_ ? "\r\x1b[K" : "", phase_, step, steps_, mean, figure, learning_rate, per_step,
               per_step * static_cast<double>(steps_ - step) / 60.0, terminal_ ? "" : "\n");
    std::fflush(stderr);
  }
  loss_sum_ = figure_sum_ = 0;
  count_ = 0;
}

base::Status check_loss(double loss, std::int64_t step) {
  if (std::isfinite(loss)) return {};
  return base::Error{"train.diverged", fmt::format("the loss at step {} is not a number", step + 1), "",
                     "go on from the last checkpoint with a lower --learning-rate"};
}

}  // namespace framemill::train
