#include "models/import/found_model.h"

#include <fmt/format.h>

#include <array>
#include <fstream>

#include "base/ascii.h"
#include "base/os_error.h"

namespace framemill::models {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileNameBytesMax = 128;
constexpr std::array<std::string_view, 6> kPickles = {".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle"};

std::string magic_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string start(8, '\0');
  in.read(start.data(), 8);
  start.resize(static_cast<std::size_t>(in.gcount()));
  return start;
}

bool is_pickle(const fs::path& path) {
  const std::string extension = base::ascii_lower(path.extension().string());
  for (const std::string_view known : kPickles) {
    if (extension == known) return true;
  }
  return magic_of(path).starts_with("PK\x03\x04");  // what torch.save writes
}

}  // namespace

base::Result<FoundFile> find_file(const fs::path& source, std::string path) {
  std::error_code ec;
  const fs::path real = fs::canonical(source, ec);
  if (ec) {
    std::error_code ignored;
    if (fs::is_symlink(fs::symlink_status(source, ignored)))
      return base::Error{"model.import", source.string() + " is a link that leads nowhere", "",
                         "the download is not complete: fetch it again"};
    return base::os_error(ec.value(), "file.open", "open " + source.string());
  }
  if (!fs::is_regular_file(real, ec))
    return base::Error{"file.not_regular", source.string() + " is not a regular file", "", ""};
  if (is_pickle(source))
    return base::Error{"model.pickle",
                       source.string() +
                           " is a pickle: reading one runs the code that it brings along, so Framemill "
                           "reads safetensors alone",
                       "", "fetch the model as safetensors, or convert the file where its source is trusted"};
  if (magic_of(real).starts_with("GGUF"))
    return base::Error{"model.import", source.string() + " is a GGUF file, whose quantised weights are not read", "",
                       "fetch the model as safetensors"};
  const auto size = fs::file_size(real, ec);
  if (ec) return base::os_error(ec.value(), "file.open", "look at " + source.string());
  return FoundFile{real, std::move(path), size};
}

std::string package_path(std::string_view folder, const std::string& file_name) {
  std::string name;
  for (const char c : file_name) {
    const bool fits =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    name += fits ? c : '_';
  }
  if (name.starts_with('.')) name.front() = '_';
  if (name.size() > kFileNameBytesMax) name.erase(0, name.size() - kFileNameBytesMax);  // the end tells what it is
  return std::string(folder) + "/" + name;
}

std::string package_name(const fs::path& source) {
  std::error_code ignored;
  fs::path path = fs::absolute(source, ignored).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  std::string name = path.filename().string();
  // The cache keeps "models--Wan-AI--Wan2.1-T2V-1.3B-Diffusers/snapshots/<commit>".
  if (path.parent_path().filename() == "snapshots") {
    const std::string repository = path.parent_path().parent_path().filename().string();
    if (const auto dashes = repository.rfind("--"); dashes != std::string::npos) name = repository.substr(dashes + 2);
  }
  name = base::ascii_lower(name);
  if (name.ends_with(".safetensors")) name.resize(name.size() - std::string_view(".safetensors").size());
  if (name.ends_with("-diffusers")) name.resize(name.size() - std::string_view("-diffusers").size());
  std::string out;
  for (const char c : name) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (fits)
      out += c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  while (!out.empty() && (out.back() == '-' || out.back() == '.')) out.pop_back();
  while (!out.empty() && (out.front() == '-' || out.front() == '.')) out.erase(out.begin());
  return out.substr(0, 64);
}

base::Status all_of(const std::vector<std::string>& problems, std::string_view what, std::string hint) {
  if (problems.empty()) return {};
  std::string message(what);
  for (const std::string& problem : problems) message += (&problem == &problems.front() ? ": " : "; ") + problem;
  return base::Error{"model.import", std::move(message), "", std::move(hint)};
}

}  // namespace framemill::models
