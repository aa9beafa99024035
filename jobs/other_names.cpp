#include "jobs/other_names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/nearest.h"
#include "base/unicode.h"

namespace framemill::jobs {
namespace {

struct OtherName {
  std::string_view other, ours;  // other: lower case, without "_", "-" and blanks
};

// A name may stand here more than once: the first whose key belongs to the table at hand is meant.
constexpr auto kKeys = std::to_array<OtherName>({
    // diffusers, ComfyUI, Automatic1111
    {"cfg", "guidance"},
    {"cfgscale", "guidance"},
    {"guidancescale", "guidance"},
    {"promptstrength", "guidance"},
    {"negative", "negative_prompt"},
    {"neg", "negative_prompt"},
    {"negprompt", "negative_prompt"},
    {"negativetext", "negative_prompt"},
    {"uncond", "negative_prompt"},
    {"positive", "prompt"},
    {"positiveprompt", "prompt"},
    {"text", "prompt"},
    {"caption", "prompt"},
    {"description", "prompt"},
    {"numinferencesteps", "steps"},
    {"inferencesteps", "steps"},
    {"numsteps", "steps"},
    {"samplingsteps", "steps"},
    {"samplesteps", "steps"},
    {"iterations", "steps"},
    {"noiseseed", "seed"},
    {"randomseed", "seed"},
    {"manualseed", "seed"},
    {"rngseed", "seed"},
    {"generator", "seed"},
    {"seeds", "variants"},
    {"numimages", "variants"},
    {"numvideos", "variants"},
    {"numimagesperprompt", "variants"},
    {"numvideosperprompt", "variants"},
    {"numoutputs", "variants"},
    {"samples", "variants"},
    {"takes", "variants"},
    {"niter", "variants"},
    {"count", "variants"},
    {"checkpoint", "model"},
    {"ckpt", "model"},
    {"ckptname", "model"},
    {"modelid", "model"},
    {"modelname", "model"},
    {"pretrainedmodel", "model"},
    {"pretrainedmodelnameorpath", "model"},
    {"unet", "model"},
    {"package", "model"},
    {"image", "input"},
    {"images", "input"},
    {"initimage", "input"},
    {"startimage", "input"},
    {"inputimage", "input"},
    {"initvideo", "input"},
    {"video", "input"},
    {"source", "input"},
    {"src", "input"},
    {"inputs", "input"},
    {"plates", "input"},
    {"plate", "input"},
    {"reference", "input"},
    {"inputfile", "input"},
    {"inputfiles", "input"},
    {"numframes", "frames"},
    {"length", "frames"},
    {"framecount", "frames"},
    {"videolength", "frames"},
    {"nframes", "frames"},
    {"framerange", "frames"},
    {"framelist", "frames"},
    {"range", "frames"},
    {"frame", "frames"},
    {"duration", "frames"},
    {"startframe", "frames"},
    {"endframe", "frames"},
    {"framestart", "frames"},
    {"frameend", "frames"},
    {"framerange", "shot_range"},
    {"range", "shot_range"},
    {"cutrange", "shot_range"},
    {"frames", "shot_range"},
    {"strategy", "plan"},
    {"mode", "plan"},
    {"method", "plan"},
    {"resolution", "size"},
    {"imagesize", "size"},
    {"videosize", "size"},
    {"picturesize", "size"},
    {"dimensions", "size"},
    {"framesperwindow", "window"},
    {"windowframes", "window"},
    {"windowlength", "window"},
    {"windowsize", "window"},
    {"clipframes", "window"},
    {"fileformat", "format"},
    {"imageformat", "format"},
    {"filetype", "format"},
    {"extension", "format"},
    {"ext", "format"},
    // commands
    {"cmd", "argv"},
    {"command", "argv"},
    {"commands", "argv"},
    {"commandline", "argv"},
    {"exec", "argv"},
    {"executable", "argv"},
    {"program", "argv"},
    {"script", "argv"},
    {"args", "argv"},
    {"arguments", "argv"},
    {"run", "argv"},
    {"exe", "argv"},
    // movies and sheets
    {"framerate", "fps"},
    {"rate", "fps"},
    {"videocodec", "codec"},
    {"vcodec", "codec"},
    {"overlay", "burn_in"},
    {"burnin", "burn_in"},
    {"slate", "burn_in"},
    {"drawtext", "burn_in"},
    {"zoom", "scale"},
    {"upscale", "scale"},
    {"everynth", "every"},
    {"stride", "every"},
    {"thumbnail", "tile"},
    {"thumbnailsize", "tile"},
    // farms
    {"layers", "layer"},
    {"tasks", "layer"},
    {"task", "layer"},
    {"stages", "layer"},
    {"nodes", "layer"},
    {"type", "kind"},
    {"jobtype", "kind"},
    {"plugin", "kind"},
    {"service", "kind"},
    {"op", "kind"},
    {"title", "name"},
    {"jobname", "name"},
    {"label", "name"},
    {"id", "name"},
    {"layername", "name"},
    {"project", "show"},
    {"production", "show"},
    {"facility", "show"},
    {"seq", "sequence"},
    {"scene", "sequence"},
    {"shotname", "shot"},
    {"shotcode", "shot"},
    {"apiversion", "api"},
    {"schema", "api"},
    {"schemaversion", "api"},
    {"pri", "priority"},
    {"prio", "priority"},
    {"weight", "priority"},
    {"due", "deadline"},
    {"duedate", "deadline"},
    {"eta", "deadline"},
    {"until", "deadline"},
    {"startat", "start_after"},
    {"starttime", "start_after"},
    {"notbefore", "start_after"},
    {"delay", "start_after"},
    {"afterjobs", "after_job"},
    {"jobdependencies", "after_job"},
    {"waitfor", "after_job"},
    {"labels", "tags"},
    {"keywords", "tags"},
    {"tag", "tags"},
    {"revision", "version"},
    {"rev", "version"},
    {"take", "version"},
    {"handle", "handles"},
    {"overscan", "handles"},
    {"depends", "after"},
    {"limitgroups", "limits"},
    {"license", "limits"},
    {"licenses", "limits"},
    {"licence", "limits"},
    {"licences", "limits"},
    {"dependson", "after"},
    {"dependencies", "after"},
    {"dependency", "after"},
    {"depend", "after"},
    {"dep", "after"},
    {"deps", "after"},
    {"requires", "after"},
    {"waitfor", "after"},
    {"jobdependencies", "after"},
    {"parent", "after"},
    {"chunksize", "chunk"},
    {"chunks", "chunk"},
    {"framespertask", "chunk"},
    {"batchsize", "chunk"},
    {"batch", "chunk"},
    {"packetsize", "chunk"},
    {"tasksize", "chunk"},
    {"retry", "retries"},
    {"maxretries", "retries"},
    {"maxattempts", "retries"},
    {"attempts", "retries"},
    {"tries", "retries"},
    {"timelimit", "timeout"},
    {"maxtime", "timeout"},
    {"tasktimeout", "timeout"},
    {"tasktimeoutminutes", "timeout"},
    {"timeoutseconds", "timeout"},
    {"maxruntime", "timeout"},
    {"resources", "needs"},
    {"requirements", "needs"},
    {"limits", "needs"},
    {"gpu", "needs"},
    {"memory", "needs"},
    {"cores", "needs"},
    {"device", "needs"},
    {"out", "output"},
    {"outputs", "output"},
    {"outputfile", "output"},
    {"outputpath", "output"},
    {"outputpattern", "output"},
    {"outputfilename", "output"},
    {"filenameprefix", "output"},
    {"savepath", "output"},
    {"destination", "output"},
    {"storage", "root"},
    {"outputdir", "root"},
    {"outputdirectory", "root"},
    {"mount", "root"},
    {"volume", "root"},
    {"determinism", "reproducibility"},
    {"deterministic", "reproducibility"},
    // needs
    {"vram", "device_memory"},
    {"gpumemory", "device_memory"},
    {"gpuram", "device_memory"},
    {"ram", "host_memory"},
    {"memory", "host_memory"},
    {"mem", "host_memory"},
    {"minmemory", "host_memory"},
    {"cores", "cpus"},
    {"threads", "cpus"},
    {"cpucount", "cpus"},
    {"cpucores", "cpus"},
    {"mincores", "cpus"},
    {"gpu", "device"},
    {"gpus", "device"},
    {"accelerator", "device"},
    // inputs
    {"from", "layer"},
    {"name", "layer"},
    {"source", "layer"},
    {"file", "pattern"},
    {"files", "pattern"},
    {"path", "pattern"},
    {"glob", "pattern"},
    {"filename", "pattern"},
    {"take", "variant"},
    {"index", "variant"},
    {"range", "frames"},
});

// Things that a spec does not say, and who does.
constexpr std::string_view kSize = "size = \"WIDTHxHEIGHT\" in a generate layer, as in size = \"832x480\"";
constexpr std::string_view kSampler =
    "the model package decides this, and there is no key for it: framemill model show";
constexpr auto kElsewhere = std::to_array<OtherName>({
    {"width", kSize},
    {"height", kSize},
    {"aspectratio", kSize},
    {"aspect", kSize},
    {"sampler", kSampler},
    {"samplername", kSampler},
    {"scheduler", kSampler},
    {"sigmas", kSampler},
    {"denoise", kSampler},
    {"strength", kSampler},
    {"vae", kSampler},
    {"clipskip", kSampler},
    {"eta", kSampler},
    {"dtype", kSampler},
    {"precision", kSampler},
    {"lora", "adapters are not supported"},
    {"loras", "adapters are not supported"},
    {"adapters", "adapters are not supported"},
    {"controlnet", "adapters are not supported"},
    {"user", "the owner of a job is the one whose token submits it"},
    {"username", "the owner of a job is the one whose token submits it"},
    {"owner", "the owner of a job is the one whose token submits it"},
    {"pool", "jobs share one farm; say what a layer needs with needs = {...}"},
    {"group", "jobs share one farm; say what a layer needs with needs = {...}"},
    {"queue", "jobs share one farm; say what a layer needs with needs = {...}"},
    {"env", "programs get a fixed environment; pass values in argv"},
    {"environment", "programs get a fixed environment; pass values in argv"},
    {"shell", "there is no shell: argv is a program and its arguments"},
});

constexpr auto kWords = std::to_array<OtherName>({
    {"render", "generate"},     {"txt2vid", "generate"},   {"text2video", "generate"},  {"t2v", "generate"},
    {"i2v", "generate"},        {"img2vid", "generate"},   {"image2video", "generate"}, {"diffusion", "generate"},
    {"gen", "generate"},        {"inference", "generate"}, {"video", "generate"},       {"shell", "command"},
    {"script", "command"},      {"cmd", "command"},        {"exec", "command"},         {"python", "command"},
    {"commandline", "command"}, {"process", "command"},    {"nuke", "command"},         {"run", "command"},
    {"movie", "encode"},        {"ffmpeg", "encode"},      {"transcode", "encode"},     {"mp4", "encode"},
    {"mov", "encode"},          {"quicktime", "encode"},   {"contactsheet", "sheet"},   {"montage", "sheet"},
    {"thumbnails", "sheet"},    {"gpu", "cuda"},           {"nvidia", "cuda"},          {"h.264", "h264"},
    {"x264", "h264"},           {"avc", "h264"},           {"libx264", "h264"},         {"openexr", "exr"},
    {"sequential", "chain"},    {"chained", "chain"},      {"continuous", "chain"},     {"parallel", "independent"},
    {"deterministic", "exact"}, {"bitwise", "exact"},
});

// Keys of layers, which people also write at the top.
constexpr auto kLayerKeys = std::to_array<std::string_view>(
    {"kind",   "model", "prompt",          "negative_prompt", "seed",    "steps",   "guidance", "size",
     "window", "plan",  "variants",        "format",          "argv",    "codec",   "scale",    "burn_in",
     "every",  "tile",  "input",           "after",           "retries", "timeout", "needs",    "chunk",
     "output", "root",  "reproducibility", "limits"});

std::string plain_form(std::string_view text) {
  std::string out = base::folded(text);
  std::erase_if(out, [](char c) { return c == '_' || c == '-' || c == ' '; });
  return out;
}

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The same word in another spelling of case, with or without "_" and "-".
std::string same_word(std::string_view plain, const std::vector<std::string>& known) {
  for (const std::string& word : known)
    if (plain_form(word) == plain) return word;
  return {};
}

}  // namespace

std::string suggested_key(std::string_view key, const std::vector<std::string>& known) {
  if (key.size() > 64) return {};
  const std::string plain = plain_form(key);
  if (std::string same = same_word(plain, known); !same.empty()) return same;
  for (const OtherName& name : kKeys)
    if (name.other == plain && has(known, name.ours)) return std::string(name.ours);
  if (has(known, "layer") && has(known, "show") &&
      std::find(kLayerKeys.begin(), kLayerKeys.end(), key) != kLayerKeys.end())
    return "this is a key of a layer: write it below [[layer]], or --set layer.NAME." + std::string(key);
  for (const OtherName& name : kElsewhere)
    if (name.other == plain) return std::string(name.ours);
  return base::nearest(key, known);
}

std::string suggested_word(std::string_view word, const std::vector<std::string>& words) {
  if (word.size() > 64) return {};
  const std::string plain = plain_form(word);
  if (std::string same = same_word(plain, words); !same.empty()) return same;
  for (const OtherName& name : kWords)
    if (name.other == plain && has(words, name.ours)) return std::string(name.ours);
  return base::nearest(word, words);
}

}  // namespace framemill::jobs
