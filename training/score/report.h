// The judgement as numbers: how often attributes are read back, how much moves, whether chains drift.
#pragma once

#include <string>
#include <vector>

#include "training/score/judge.h"

namespace framemill::score {

struct AttributeScore {
  std::string name;
  double rendered = 0, generated = 0, chance = 0;  // shares of clips, 0..1
};

struct Score {
  int clips = 0;
  std::vector<AttributeScore> attributes;
  double motion_energy_ratio = 0;  // generated to matching renders
};

struct ChainScore {
  int chains = 0, windows = 0;
  std::vector<AttributeScore> first, last;     // of the first and of the last window
  std::vector<std::vector<double>> by_window;  // shares read back, 0..1: of every window, of every attribute
  double seam_difference = 0;                  // mean over seams of the mean absolute difference of neighbour frames
  double inside_p95 = 0;                       // 95th percentile of the same inside windows
  std::vector<std::string> misread;  // last windows: a line per attribute that does not read as it was asked for
};

// A line for each attribute of each clip that reads as something else: "chain 4, sea, dusk, red boat left: object kind
// reads as car".
std::vector<std::string> misread_lines(const Judge& judge, const models::Vocabulary& vocabulary,
                                       const std::vector<gpu::ImageBlock>& clips,
                                       const std::vector<models::Condition>& conditions, const std::string& what);

// Share of clips whose attribute reads as the condition says.
std::vector<double> shares_read_back(const Judge& judge, const std::vector<gpu::ImageBlock>& clips,
                                     const std::vector<models::Condition>& conditions);

// Mean absolute difference between neighbour frames.
double motion_energy(const gpu::ImageBlock& clip);

// The difference between frame i and i + 1.
double frame_difference(const gpu::ImageBlock& clip, int frame);

std::string text_of(const Score& score);
std::string text_of(const ChainScore& score);

}  // namespace framemill::score
