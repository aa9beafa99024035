// /api/v1/jobs/{job}/previews: small pictures of what the job has published, from roots that this host has. Files are
// read on the shelf's threads; when storage hangs, the caller gets 503 with Retry-After.
#include <algorithm>

#include "base/sha256.h"
#include "scheduler/core/state/refusal.h"
#include "scheduler/http/call.h"
#include "scheduler/http/preview_port.h"
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

constexpr base::Duration kPatience = base::seconds(5);

base::Error storage_is_slow() {
  return base::error_of(Refusal::FarmBusy, "the storage that holds the previews does not answer", "",
                        "try again in a moment");
}

// A reply that may come late, or never.
template <class T>
Reply<T> in_time(const std::shared_ptr<Call>& call, std::function<base::Status(T)> next) {
  struct Wait {
    bool over = false;
    net::Timer timer;
  };
  const auto wait = std::make_shared<Wait>();
  wait->timer = call->api->loop.call_after(kPatience, [call, wait] {
    if (!std::exchange(wait->over, true)) call->fail(storage_is_slow());
  });
  return [call, wait, next = std::move(next)](base::Result<T> result) {
    const auto shared = std::make_shared<base::Result<T>>(std::move(result));
    call->api->loop.post([call, wait, next, shared] {
      if (std::exchange(wait->over, true)) return;
      wait->timer.cancel();
      const base::Status status = shared->ok() ? next(std::move(**shared)) : base::Status(shared->error());
      if (!status.ok()) call->fail(status.error());
    });
  };
}

std::set<std::string> roots_of(const PlanView& plan) {
  std::set<std::string> roots;
  for (const jobs::PhasePlan& phase : plan.plan->phases) roots.insert(phase.root);
  return roots;
}

json::object strip_json(JobId job, const PlanView& plan, const PreviewStrip& strip) {
  const jobs::PhasePlan& phase = plan.plan->phases[strip.phase];
  return {{"layer", text_json(plan.spec->layers[phase.layer].name)},
          {"variant", phase.variant},
          {"attempt", strip.attempt.text()},
          {"frames", strip.frames.text()},
          {"tile_width", strip.tile_width},
          {"tile_height", strip.tile_height},
          {"columns", strip.columns},
          {"href", "/api/v1/jobs/" + std::to_string(job.value) + "/previews/" + strip.root + "/" + strip.name}};
}

json::array texts_of(const std::set<std::string>& texts) {
  return texts_json({texts.begin(), texts.end()});
}

base::Status list_previews(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(const JobId job, call->job());
  FM_ASSIGN(const std::string layer, call->text("layer"));
  FM_ASSIGN(const auto variant, call->variant());
  FM_ASSIGN(const std::string after, call->text("after", 16));
  FM_ASSIGN(const std::uint32_t limit, call->limit());
  std::size_t from = 0;
  if (!after.empty() && (after.find_first_not_of("0123456789") != after.npos || after.size() > 9))
    return bad_parameter("after", "must be the `next` of the page before");
  if (!after.empty()) from = static_cast<std::size_t>(std::stoul(after));
  call->api->farm.plan(job, call->then<PlanView>([=](PlanView plan) -> base::Status {
    PreviewPort* previews = call->api->previews;
    const std::set<std::string> served = previews ? previews->served(roots_of(plan)) : std::set<std::string>();
    if (served.empty()) {
      call->answer(200, {{"roots", json::array()}, {"items", json::array()}, {"next", nullptr}});
      return {};
    }
    const auto answer = [=](const std::vector<PreviewStrip>& strips) -> base::Status {
      json::array items;
      std::size_t at = 0;
      for (const PreviewStrip& strip : strips) {
        if (strip.phase >= plan.plan->phases.size()) continue;  // of another job that had this number
        const jobs::PhasePlan& phase = plan.plan->phases[strip.phase];
        if (!layer.empty() && plan.spec->layers[phase.layer].name != layer) continue;
        if (variant && phase.variant != *variant) continue;
        if (at++ >= from && items.size() < limit) items.emplace_back(strip_json(job, plan, strip));
      }
      const bool is_more = at > from + items.size();
      json::object page = page_json(std::move(items), is_more ? std::to_string(from + limit) : "");
      page["roots"] = texts_of(served);
      call->answer(200, std::move(page));
      return {};
    };
    previews->list(job, served, in_time<std::vector<PreviewStrip>>(call, answer));
    return {};
  }));
  return {};
}

bool has_tag(const Call& call, const std::string& tag) {
  const std::string* known = call.request.header("If-None-Match");
  return known != nullptr && (*known == "*" || known->find("\"" + tag + "\"") != known->npos);
}

void answer_picture(const Call& call, std::string bytes, const std::string& tag, const char* caching) {
  net::HttpResponse response;
  response.content_type = "image/jpeg";
  response.headers.emplace_back("ETag", "\"" + tag + "\"");
  response.headers.emplace_back("Cache-Control", caching);
  // A worker's program wrote it, and nothing else is to be made of it than a picture.
  response.headers.emplace_back("Content-Security-Policy", "default-src 'none'; sandbox");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  if (has_tag(call, tag))
    response.status = 304;
  else
    response.body = std::move(bytes);
  call.send(std::move(response));
}

// Its name says all that is in it: a client that has it need never ask again.
base::Status show_preview(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(const JobId job, call->job());
  const std::string root = call->path.at("root"), name = call->path.at("name");
  const base::Error unknown{"preview.unknown", "there is no such preview", "name", "see /api/v1/jobs/{job}/previews"};
  if (!is_preview_name(name)) return unknown;
  call->api->farm.plan(job, call->then<PlanView>([=](const PlanView& plan) -> base::Status {
    PreviewPort* previews = call->api->previews;
    if (previews == nullptr || !roots_of(plan).contains(root) || previews->served({root}).empty()) return unknown;
    previews->read(job, root, name, in_time<PreviewFile>(call, [call](PreviewFile file) -> base::Status {
                     answer_picture(*call, std::move(file.bytes), file.tag, "private, max-age=31536000, immutable");
                     return {};
                   }));
    return {};
  }));
  return {};
}

base::Status show_latest(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(const JobId job, call->job());
  FM_TRY(call->text("v"));
  const auto none = [call] {
    net::HttpResponse response;
    response.status = 204;
    response.headers.emplace_back("Cache-Control", "no-store");
    call->send(std::move(response));
    return base::Status();
  };
  call->api->farm.plan(job, call->then<PlanView>([=](const PlanView& plan) -> base::Status {
    PreviewPort* previews = call->api->previews;
    const std::set<std::string> served = previews ? previews->served(roots_of(plan)) : std::set<std::string>();
    if (served.empty()) return none();
    previews->latest(job, served, in_time<std::optional<PreviewFile>>(call, [=](std::optional<PreviewFile> file) {
                       if (!file) return none();
                       answer_picture(*call, std::move(file->bytes), file->tag, "private, no-cache");
                       return base::Status();
                     }));
    return {};
  }));
  return {};
}

}  // namespace

void add_preview_routes(ApiRoutes& routes) {
  routes.add("GET", "/api/v1/jobs/{job}/previews",
             {list_previews, Role::Viewer, {"layer", "variant", "limit", "after"}});
  routes.add("GET", "/api/v1/jobs/{job}/latest.jpg", {show_latest, Role::Viewer, {"v"}});
  routes.add("GET", "/api/v1/jobs/{job}/previews/{root}/{name}", {show_preview, Role::Viewer, {}});
}

}  // namespace framemill::scheduler
