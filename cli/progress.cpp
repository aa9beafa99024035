#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "cli/kind_traits.h"
#include "cli/text.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kBarColumns = 28, kBarColumnsMin = 8;
constexpr std::int64_t kMarksMax = 8;  // beyond it a number
constexpr std::size_t kPlacesMax = 3;  // of a batch on a slot's line
constexpr std::size_t kExplanationLinesMax = 3;

struct Piece {
  std::string text;
  Tone tone = Tone::Plain;
};

// Pieces put together up to `width` columns, then painted: colours never change where a line is cut.
std::string line_of(const std::vector<Piece>& pieces, const Terminal& terminal) {
  std::string out;
  auto room = static_cast<std::size_t>(std::max(terminal.width, 20));
  for (const Piece& piece : pieces) {
    const std::string text = cut_to(piece.text, room, terminal.utf8);
    out += paint(terminal, piece.tone, text);
    room -= display_width(text);
    if (room == 0 || text.size() < piece.text.size()) break;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

Tone tone_of(std::string_view state) {
  if (state == "done") return Tone::Good;
  if (state == "failed") return Tone::Bad;
  if (state == "cancelled" || state == "paused") return Tone::Warning;
  return state == "running" ? Tone::Busy : Tone::Faint;
}

std::string eta_text(const JobView& job) {
  if (job.is_final() || job.state == "paused") return {};
  const std::string odds = job.forecast.on_time ? ", on time: " + odds_text(*job.forecast.on_time) : "";
  if (job.eta_ms) return roughly(*job.eta_ms) + " left" + odds;
  if (job.forecast.state == "beyond") return "far from ready" + odds;
  if (!job.condition.kind.empty()) return job.condition.words();
  if (!job.missing_inputs.empty()) return "waiting for input files";
  // When all frames are there it is movies and sheets, which nothing measures.
  return job.frames > 0 && job.frames_published >= job.frames ? "finishing" : "measuring";
}

std::string title(const JobView& job) {
  std::string name = job.name.empty() ? "" : " " + job.name;
  std::string shot = job.show;
  for (const std::string& part : {job.sequence, job.shot})
    if (!part.empty()) shot += "/" + part;
  return fmt::format("job {}{}  {} v{:03}", job.id, name, shot, job.version);
}

// State, count, time and what is left are told whatever the width; the names before them are cut.
std::vector<Piece> head_line(const ProgressViews& views, const Terminal& terminal) {
  const JobView& job = views.job;
  std::vector<Piece> pieces{
      {{}, Tone::Strong},
      {"  " + job.state, tone_of(job.state)},
      {fmt::format("  {}/{} frames  {}", job.frames_published, job.frames, clock_text(views.elapsed_ms)), Tone::Plain}};
  if (const std::string eta = eta_text(job); !eta.empty()) pieces.push_back({"  " + eta, Tone::Strong});
  std::size_t tail = 0;
  for (const Piece& piece : pieces) tail += display_width(piece.text);
  const auto width = static_cast<std::size_t>(std::max(terminal.width, 20));
  pieces[0].text = cut_to(title(job), width > tail + 8 ? width - tail : 8, terminal.utf8);
  return pieces;
}

std::string bar(std::int64_t done, std::int64_t all, std::size_t columns, const Terminal& terminal) {
  const double share = all > 0 ? std::clamp(static_cast<double>(done) / static_cast<double>(all), 0.0, 1.0) : 0.0;
  const auto full = static_cast<std::size_t>(share * static_cast<double>(columns));
  std::string out;
  for (std::size_t i = 0; i < columns; ++i) out += i < full ? (terminal.utf8 ? "█" : "#") : (terminal.utf8 ? "░" : ".");
  return out;
}

std::string marks(std::int64_t count, const char* mark) {
  if (count <= 0) return {};
  if (count > kMarksMax) return fmt::format(" {}{}", mark, count);
  std::string out = " ";
  for (std::int64_t i = 0; i < count; ++i) out += mark;
  return out;
}

struct LayerColumns {
  std::size_t name = 0, count = 0, bar = kBarColumns;
};

// The bar gives way first: beside it a name, a count, a state, "about 12 min" and a few marks must find room.
LayerColumns layer_columns(const JobView& job, const Terminal& terminal) {
  constexpr std::size_t kOthers = 2 + 2 + 2 + 9 + 1 + 12 + 4;
  LayerColumns columns;
  for (const LayerView& layer : job.layers) {
    columns.name = std::max(columns.name, display_width(layer.name));
    columns.count = std::max(columns.count, fmt::format("{}/{}", layer.files_published(), layer.files()).size());
  }
  columns.name = std::min<std::size_t>(columns.name, 24);
  const std::size_t taken = kOthers + columns.name + columns.count;
  const auto width = static_cast<std::size_t>(std::max(terminal.width, 20));
  columns.bar = std::clamp(width > taken ? width - taken : 0, kBarColumnsMin, kBarColumns);
  return columns;
}

std::vector<Piece> layer_line(const LayerView& layer, const LayerColumns& columns, const Terminal& terminal) {
  const Tone tone = tone_of(layer.state);
  std::vector<Piece> pieces{
      {pad_right(cut_to(layer.name, columns.name, terminal.utf8), columns.name) + "  ", Tone::Plain},
      {bar(layer.files_published(), layer.files(), columns.bar, terminal), tone == Tone::Faint ? Tone::Plain : tone},
      {"  " + pad_left(fmt::format("{}/{}", layer.files_published(), layer.files()), columns.count), Tone::Plain},
      {"  " + pad_right(layer.state, 9), tone}};
  if (layer.state == "running" && layer.eta_ms) pieces.push_back({" " + roughly(*layer.eta_ms), Tone::Faint});
  pieces.push_back({marks(layer.failed, terminal.utf8 ? "✗" : "x"), Tone::Bad});
  pieces.push_back({marks(layer.retried, terminal.utf8 ? "↻" : "r"), Tone::Warning});
  return pieces;
}

// "hb_0010", or "job 11 hb_0010" where the lease is another job's.
std::string lease_layer(const LeaseView& lease, const JobView& job) {
  return (lease.job == job.id ? "" : fmt::format("job {} ", lease.job)) + lease.layer;
}

// Which of its layer's parts a lease makes: the variant where there are several, the window (from 1) where a variant has
// several. What makes neither has no part.
struct LeasePart {
  std::optional<std::int64_t> variant, window;
};

LeasePart part_of(const LeaseView& lease, const JobView& job) {
  if (!phase_is(lease.phase, &jobs::PhaseTraits::windowed)) return {};
  const auto layer =
      std::find_if(job.layers.begin(), job.layers.end(), [&](const LayerView& l) { return l.name == lease.layer; });
  const bool known = lease.job == job.id && layer != job.layers.end();
  LeasePart part;
  if (!known || layer->variants > 1) part.variant = lease.variant;
  if (!known || layer->windows > std::max<std::int64_t>(layer->variants, 1)) part.window = lease.task + 1;
  return part;
}

// " variants 0 1 3", " windows 5 6", " variant 1 window 5, variant 2 window 5".
std::string parts_text(const std::vector<LeasePart>& parts) {
  const auto one_kind = [&](std::optional<std::int64_t> LeasePart::* kept,
                            std::optional<std::int64_t> LeasePart::* none) {
    return std::all_of(parts.begin(), parts.end(), [&](const LeasePart& p) { return p.*kept && !(p.*none); });
  };
  const auto list = [&](const char* word, std::optional<std::int64_t> LeasePart::* kept) {
    std::string out = fmt::format(" {}{}", word, parts.size() > 1 ? "s" : "");
    for (const LeasePart& part : parts) out += fmt::format(" {}", *(part.*kept));
    return out;
  };
  if (one_kind(&LeasePart::variant, &LeasePart::window)) return list("variant", &LeasePart::variant);
  if (one_kind(&LeasePart::window, &LeasePart::variant)) return list("window", &LeasePart::window);
  std::string out;
  for (const LeasePart& part : parts) {
    if (!part.variant) continue;
    out += fmt::format("{} variant {} window {}", out.empty() ? "" : ",", *part.variant, part.window.value_or(1));
  }
  return out;
}

// "boards variants 0 1 3, hb_0010 window 5": a batch's windows in order, each layer named once.
std::string places(const SlotView& slot, const JobView& job) {
  std::vector<const LeaseView*> leases;
  for (const LeaseView& lease : slot.leases) leases.push_back(&lease);
  const auto place = [](const LeaseView* l) { return std::tie(l->job, l->layer, l->variant, l->task); };
  std::stable_sort(leases.begin(), leases.end(), [&](auto a, auto b) { return place(a) < place(b); });
  // A window that is denoised and decoded under two leases of the slot is one place.
  leases.erase(std::unique(leases.begin(), leases.end(), [&](auto a, auto b) { return place(a) == place(b); }),
               leases.end());
  const std::size_t shown = std::min<std::size_t>(leases.size(), kPlacesMax);
  std::string out;
  for (std::size_t i = 0; i < shown;) {
    const std::string layer = lease_layer(*leases[i], job);
    std::vector<LeasePart> parts;
    for (; i < shown && lease_layer(*leases[i], job) == layer; ++i) parts.push_back(part_of(*leases[i], job));
    out += (out.empty() ? "" : ", ") + layer + parts_text(parts);
  }
  if (leases.size() > shown) out += fmt::format(" and {} more", leases.size() - shown);
  return out;
}

// A slot that says it does something else than loading has loaded.
bool is_loading(const LeaseView& lease) {
  if (!lease.detail.empty() && lease.steps == 0) return lease.loading_model;
  return !lease.model_warm && lease.step == 0;
}

// "loading", and how far: the executor says "loading wan2.1-t2v-1.3b@1, 43 %".
std::string loading_text(const LeaseView& lease) {
  const auto share = lease.detail.rfind(", ");
  const bool tells_share = lease.loading_model && share != std::string::npos && lease.detail.ends_with(" %");
  return tells_share ? "loading " + lease.detail.substr(share + 2) : "loading";
}

std::string activity(const LeaseView& lease) {
  if (!lease.detail.empty() && lease.steps == 0) return lease.loading_model ? "" : lease.detail;
  if (phase_is(lease.phase, &jobs::PhaseTraits::stepped))
    return lease.steps > 0 ? fmt::format("step {}/{}", lease.step, lease.steps) : "starting";
  return lease.phase;
}

// The lease whose step is shown: one that runs steps, else the first.
const LeaseView& leading_lease(const SlotView& slot) {
  const auto stepping =
      std::find_if(slot.leases.begin(), slot.leases.end(), [](const LeaseView& l) { return l.steps > 0; });
  return stepping != slot.leases.end() ? *stepping : slot.leases.front();
}

std::vector<Piece> slot_line(const WorkerView& worker, const SlotView& slot, std::size_t name_columns,
                             const JobView& job, const Terminal& terminal) {
  const std::string name = fmt::format("{}/{}", worker.name, slot.name);
  std::vector<Piece> pieces{{pad_right(cut_to(name, name_columns, terminal.utf8), name_columns) + "  ", Tone::Plain}};
  if (worker.state == "silent")
    pieces.push_back({"silent for " + clock_text(worker.silent_ms) + "  ", Tone::Warning});
  else if (worker.state != "up")
    pieces.push_back({worker.state + "  ", Tone::Warning});
  if (worker.quarantined) pieces.push_back({"quarantined  ", Tone::Bad});
  if (!slot.usable) pieces.push_back({"not usable  ", Tone::Bad});
  if (slot.leases.empty()) {
    if (worker.state == "up" && slot.usable) pieces.push_back({"idle", Tone::Faint});
    return pieces;
  }
  const LeaseView& lease = leading_lease(slot);
  if (!lease.model.empty())
    pieces.push_back({fmt::format("{} {}  ", lease.model, is_loading(lease) ? loading_text(lease) : "warm"),
                      is_loading(lease) ? Tone::Warning : Tone::Plain});
  pieces.push_back({places(slot, job), Tone::Busy});
  if (const std::string doing = activity(lease); !doing.empty()) pieces.push_back({"  " + doing, Tone::Plain});
  if (lease.batch > 0) pieces.push_back({fmt::format("  batch {}", lease.batch), Tone::Plain});
  return pieces;
}

struct SlotOfWorker {
  const WorkerView* worker;
  const SlotView* slot;
};

// All slots of workers that may take part, in the server's order.
std::vector<SlotOfWorker> slots_of(const ProgressViews& views) {
  std::vector<SlotOfWorker> slots;
  for (const WorkerView& worker : views.workers) {
    if (worker.state == "revoked") continue;
    for (const SlotView& slot : worker.slots) slots.push_back({&worker, &slot});
  }
  return slots;
}

// 0: works on the job, 1: on something else, 2: on nothing.
int interest(const SlotOfWorker& entry, std::int64_t job) {
  const auto& leases = entry.slot->leases;
  if (std::any_of(leases.begin(), leases.end(), [&](const LeaseView& l) { return l.job == job; })) return 0;
  return leases.empty() ? 2 : 1;
}

void append_slots(std::vector<std::string>& lines, const ProgressViews& views, std::size_t lines_max,
                  const Terminal& terminal) {
  std::vector<SlotOfWorker> slots = slots_of(views);
  if (slots.empty()) {
    lines.push_back(line_of({{"no worker is connected", Tone::Warning}}, terminal));
    return;
  }
  // Lines keep their places while all fit: only a farm that does not fit is sorted.
  if (slots.size() > lines_max)
    std::stable_sort(slots.begin(), slots.end(), [&](const SlotOfWorker& a, const SlotOfWorker& b) {
      return interest(a, views.job.id) < interest(b, views.job.id);
    });
  std::size_t columns = 0;
  for (const SlotOfWorker& entry : slots)
    columns = std::max(columns, display_width(entry.worker->name + "/" + entry.slot->name));
  columns = std::min<std::size_t>(columns, 24);
  const std::size_t shown = slots.size() > lines_max ? std::max<std::size_t>(lines_max, 2) - 1 : slots.size();
  for (std::size_t i = 0; i < shown; ++i)
    lines.push_back(line_of(slot_line(*slots[i].worker, *slots[i].slot, columns, views.job, terminal), terminal));
  if (shown < slots.size())
    lines.push_back(line_of(
        {{fmt::format("and {}", counted(static_cast<std::int64_t>(slots.size() - shown), "more slot")), Tone::Faint}},
        terminal));
}

// The sentence about what waits, over as many lines as it needs: its end often says what to do.
std::vector<std::string> explanation_lines(const ProgressViews& views, const Terminal& terminal) {
  if (views.job.is_final() || !views.explanation || views.explanation->sentence.empty()) return {};
  return wrapped(views.explanation->sentence, static_cast<std::size_t>(std::max(terminal.width, 20)),
                 terminal.height >= 14 ? kExplanationLinesMax : 1, terminal.utf8);
}

std::int64_t busy_slots(const ProgressViews& views) {
  std::int64_t busy = 0;
  for (const WorkerView& worker : views.workers)
    for (const SlotView& slot : worker.slots) busy += interest({&worker, &slot}, views.job.id) == 0 ? 1 : 0;
  return busy;
}

}  // namespace

bool something_waits(const JobView& job) {
  return !job.is_final() && (job.tasks.ready > 0 || job.tasks.waiting > 0 || job.state == "paused");
}

std::vector<std::string> progress_lines(const ProgressViews& views, const Terminal& terminal) {
  const JobView& job = views.job;
  std::vector<std::string> lines{line_of(head_line(views, terminal), terminal)};

  const LayerColumns columns = layer_columns(job, terminal);
  const std::vector<std::string> reason = explanation_lines(views, terminal);
  const auto height = static_cast<std::size_t>(std::max(terminal.height, 6)) - 1;
  const std::size_t fixed = 1 + reason.size();
  const std::size_t layers_max = height > fixed + 2 ? height - fixed - 2 : 1;
  const std::size_t shown = job.layers.size() > layers_max ? layers_max - 1 : job.layers.size();
  for (std::size_t i = 0; i < shown; ++i)
    lines.push_back(line_of(layer_line(job.layers[i], columns, terminal), terminal));
  if (shown < job.layers.size())
    lines.push_back(
        line_of({{fmt::format("and {}", counted(static_cast<std::int64_t>(job.layers.size() - shown), "more layer")),
                  Tone::Faint}},
                terminal));

  if (!job.is_final()) {
    const std::size_t used = lines.size() + reason.size();
    append_slots(lines, views, height > used ? height - used : 1, terminal);
    for (const std::string& line : reason) lines.push_back(line_of({{line, Tone::Faint}}, terminal));
  }
  return lines;
}

std::string progress_line(const ProgressViews& views) {
  const JobView& job = views.job;
  std::string out = fmt::format("[{}] job {} {}: {}/{} frames", clock_text(views.elapsed_ms), job.id, job.state,
                                job.frames_published, job.frames);
  for (const LayerView& layer : job.layers)
    if (layer.state == "running" || layer.failed > 0)
      out += fmt::format(", {} {}/{}{}", layer.name, layer.files_published(), layer.files(),
                         layer.failed > 0 ? fmt::format(" ({} failed)", layer.failed) : "");
  if (job.is_final()) return out;
  out += fmt::format(", {} busy", counted(busy_slots(views), "slot"));
  if (const std::string eta = eta_text(job); !eta.empty()) out += ", " + eta;
  if (views.explanation && !views.explanation->sentence.empty()) out += "; " + views.explanation->sentence;
  return out;
}

std::string outcome_text(const JobView& job, std::int64_t elapsed_ms, const Terminal& terminal) {
  std::string out = paint(terminal, tone_of(job.state), fmt::format("job {} is {}", job.id, job.state));
  const double seconds = static_cast<double>(std::max<std::int64_t>(elapsed_ms, 1)) / 1000;
  out += fmt::format(": {} of {} in {}", job.frames_published, counted(job.frames, "frame"), clock_text(elapsed_ms));
  if (job.frames_published > 0)
    out += fmt::format(", {:.1f} frames/s", static_cast<double>(job.frames_published) / seconds);
  out += fmt::format(", {}, {}\n", counted(job.model_loads, "model load"),
                     job.retries == 1 ? "1 failed try" : fmt::format("{} failed tries", job.retries));
  for (const FailureView& failure : job.failures)
    out += fmt::format("  {} {} in {}: {}\n", failure.count, failure.code, failure.layer, failure.message);
  return out;
}

}  // namespace framemill::cli
