// Directories as people download them: the JSON files are those that diffusers wrote (tests/data/wan/layouts), the
// weights are written here, each value a function of its tensor's name, so that nothing large is kept in the tree.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "models/import/import.h"
#include "models/safetensors.h"
#include "models/wan/tensors.h"

namespace framemill::models {

namespace fs = std::filesystem;

class Downloads {
 public:
  Downloads();
  ~Downloads();
  Downloads(const Downloads&) = delete;
  Downloads& operator=(const Downloads&) = delete;

  fs::path root() const { return root_; }
  fs::path packages() const { return root_ / "packages"; }

  // "small-t2v" with its weights; that of the denoiser in two parts with an index.
  fs::path diffusers(const std::string& name) const;
  // The same weights as single files in the authors' naming, with config.json and the tokenizer: small_t2v.safetensors,
  // small_vae.safetensors and small_umt5.safetensors.
  std::vector<fs::path> single_files() const;

  ImportRequest request(const fs::path& source) const;
  ImportRequest request(std::vector<fs::path> sources) const;
  base::Result<ImportedPackage> import(const ImportRequest& request) const;

 private:
  fs::path root_;
};

enum class Names { Canonical, Original };
using Keep = std::function<bool(const std::string& canonical)>;

// The networks of small-t2v.
WanTransformerConfig small_transformer();
WanAutoencoderConfig small_autoencoder();
Umt5Config small_text_encoder();

// A file with the tensors that `keep` keeps.
SafetensorsWriter weights_of(const std::vector<NetworkTensor>& tensors, Names names = Names::Canonical,
                             const Keep& keep = {});
void write(const fs::path& path, const std::string& contents);
std::string read(const fs::path& path);
void replace_in(const fs::path& path, const std::string& from, const std::string& to);

}  // namespace framemill::models
