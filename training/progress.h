// What a person and a later reader see of a run: one line on the terminal, rewritten in place, and a CSV file with one
// row per interval that is kept for good (docs/demo-model.md draws the loss curve from it).
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/result.h"

namespace framemill::train {

class Progress {
 public:
  // Appends to `csv`; writes its head when it is new.
  Progress(std::string phase, const std::filesystem::path& csv, std::int64_t first_step, std::int64_t steps);
  ~Progress();

  // Called once per step. A row of the csv is a mean over 20 steps, and over those that are left at the end.
  void on_step(std::int64_t step, double loss, double second_figure, double learning_rate);
  double minutes() const;

 private:
  void write_row(std::int64_t step, double learning_rate);

  static constexpr int kInterval = 20;
  std::string phase_;
  std::ofstream csv_;
  std::int64_t first_step_, steps_;
  std::chrono::steady_clock::time_point started_;
  double loss_sum_ = 0, figure_sum_ = 0;
  int count_ = 0, rows_ = 0;
  bool terminal_;
};

// Weights made from a loss that is not finite are worth nothing: the run stops, its last checkpoint is whole.
// Errors: train.diverged.
base::Status check_loss(double loss, std::int64_t step);

}  // namespace framemill::train
