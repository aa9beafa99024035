#include "downloads.h"

#include <stdlib.h>

#include <functional>

#include "base/file.h"

namespace framemill::models {
namespace {

const fs::path kLayouts = FRAMEMILL_SOURCE_DIR "/tests/data/wan/layouts";

void write_parts(const fs::path& directory, const std::string& stem, const std::vector<NetworkTensor>& tensors) {
  const std::string half = tensors[tensors.size() / 2].name;
  std::string map;
  const auto part_of = [&half](const std::string& name) { return name < half ? 1 : 2; };
  const auto file_name = [&stem](int part) { return stem + "-0000" + std::to_string(part) + "-of-00002.safetensors"; };
  for (const int part : {1, 2})
    write(directory / file_name(part), weights_of(tensors, Names::Canonical, [&](const std::string& name) {
                                         return part_of(name) == part;
                                       }).bytes());
  for (const NetworkTensor& tensor : tensors)
    map += (map.empty() ? "" : ",") + ("\"" + tensor.name + "\":\"" + file_name(part_of(tensor.name)) + "\"");
  write(directory / (stem + ".safetensors.index.json"), R"({"metadata":{"total_size":1},"weight_map":{)" + map + "}}");
}

}  // namespace

Downloads::Downloads() {
  std::string name = (fs::temp_directory_path() / "framemill-import-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  root_ = name;
}
Downloads::~Downloads() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

WanTransformerConfig small_transformer() {
  WanTransformerConfig config;
  config.heads = 2;
  config.head_dim = 12;
  config.text_dim = 32;
  config.ffn_dim = 32;
  config.layers = 2;
  return config;
}

WanAutoencoderConfig small_autoencoder() {
  WanAutoencoderConfig config;
  config.base_dim = 3;
  config.dim_mult = {1, 1, 1, 1};
  config.residual_blocks = 1;
  return config;
}

Umt5Config small_text_encoder() {
  Umt5Config config;
  config.d_model = 32;
  config.d_ff = 37;
  config.heads = 4;
  config.d_kv = 8;
  config.layers = 2;
  config.vocabulary = 256;
  return config;
}

SafetensorsWriter weights_of(const std::vector<NetworkTensor>& tensors, Names names, const Keep& keep) {
  SafetensorsWriter writer;
  for (const NetworkTensor& tensor : tensors) {
    if (keep && !keep(tensor.name)) continue;
    std::size_t count = 1;
    for (const std::int64_t extent : tensor.shape) count *= static_cast<std::size_t>(extent);
    std::vector<float> values(count);
    const float start = static_cast<float>(std::hash<std::string>{}(tensor.name) % 1000) / 1000.0f - 0.5f;
    for (std::size_t i = 0; i < count; ++i) values[i] = start + static_cast<float>(i % 17) * 0.01f;
    writer.add_floats(names == Names::Canonical ? tensor.name : tensor.original, tensor.shape, values);
  }
  return writer;
}

fs::path Downloads::diffusers(const std::string& name) const {
  const fs::path target = root_ / name;
  fs::copy(kLayouts / name, target, fs::copy_options::recursive);
  WanTransformerConfig transformer = small_transformer();
  WanAutoencoderConfig autoencoder = small_autoencoder();
  if (name == "small-ti2v-5b") {
    transformer.in_channels = transformer.out_channels = 48;
    autoencoder.z_dim = 48;
    autoencoder.is_residual = true;
    autoencoder.in_channels = autoencoder.out_channels = 12;
  } else if (name == "small-i2v-a14b") {
    transformer.in_channels = 36;
  } else if (name == "small-vace") {
    transformer.vace_layers = {0, 1};
    transformer.vace_in_channels = 96;
  }
  const std::string stem = "diffusion_pytorch_model";
  write_parts(target / "transformer", stem, tensor_list(transformer));
  if (fs::exists(target / "transformer_2")) write_parts(target / "transformer_2", stem, tensor_list(transformer));
  write(target / "vae" / (stem + ".safetensors"), weights_of(tensor_list(autoencoder)).bytes());
  write(target / "text_encoder/model.safetensors", weights_of(tensor_list(small_text_encoder())).bytes());
  return target;
}

std::vector<fs::path> Downloads::single_files() const {
  const fs::path folder = root_ / "single files";
  fs::create_directories(folder);
  write(folder / "small_t2v.safetensors", weights_of(tensor_list(small_transformer()), Names::Original).bytes());
  write(folder / "small_vae.safetensors", weights_of(tensor_list(small_autoencoder()), Names::Original).bytes());
  write(folder / "small_umt5.safetensors", weights_of(tensor_list(small_text_encoder()), Names::Original).bytes());
  write(folder / "config.json", R"({"_class_name":"WanModel","dim":24,"num_heads":2,"ffn_dim":32,"num_layers":2})");
  write(folder / "README.md", "---\nlicense: apache-2.0\n---\n");
  fs::copy(kLayouts / "small-t2v/tokenizer/tokenizer.json", folder);
  fs::copy(kLayouts / "small-t2v/scheduler/scheduler_config.json", folder);
  std::vector<fs::path> files;
  for (const char* name : {"small_t2v.safetensors", "small_vae.safetensors", "small_umt5.safetensors", "config.json",
                           "tokenizer.json", "scheduler_config.json"})
    files.push_back(folder / name);
  return files;
}

ImportRequest Downloads::request(const fs::path& source) const {
  return request(std::vector<fs::path>{source});
}

ImportRequest Downloads::request(std::vector<fs::path> sources) const {
  ImportRequest request;
  request.sources = std::move(sources);
  request.into = packages();
  return request;
}

base::Result<ImportedPackage> Downloads::import(const ImportRequest& request) const {
  FM_ASSIGN(const ImportPlan plan, plan_import(request));
  return write_import(plan, request, {});
}

void write(const fs::path& path, const std::string& contents) {
  fs::create_directories(path.parent_path());
  REQUIRE(base::write_file_durably(path, contents).ok());
}

std::string read(const fs::path& path) {
  const auto contents = base::read_file(path, 1 << 26);
  REQUIRE(contents.ok());
  return *contents;
}

void replace_in(const fs::path& path, const std::string& from, const std::string& to) {
  std::string text = read(path);
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  write(path, text.replace(at, from.size(), to));
}

}  // namespace framemill::models
