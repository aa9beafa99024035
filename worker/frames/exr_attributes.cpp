#include "worker/frames/exr_attributes.h"

#include <OpenEXR/ImfDeepScanLineInputPart.h>
#include <OpenEXR/ImfDeepScanLineOutputPart.h>
#include <OpenEXR/ImfDeepTiledInputPart.h>
#include <OpenEXR/ImfDeepTiledOutputPart.h>
#include <OpenEXR/ImfHeader.h>
#include <OpenEXR/ImfIO.h>
#include <OpenEXR/ImfInputPart.h>
#include <OpenEXR/ImfMultiPartInputFile.h>
#include <OpenEXR/ImfMultiPartOutputFile.h>
#include <OpenEXR/ImfOutputPart.h>
#include <OpenEXR/ImfPartType.h>
#include <OpenEXR/ImfStringAttribute.h>
#include <OpenEXR/ImfTiledInputPart.h>
#include <OpenEXR/ImfTiledOutputPart.h>

#include <cstring>

#include "worker/frames/exr_memory.h"
#include "worker/frames/frame_format.h"

namespace framemill::frames {
namespace {

constexpr int kThreads = 0;  // in the calling one

class MemoryOut : public Imf::OStream {
 public:
  explicit MemoryOut(std::string& bytes) : Imf::OStream("frame.exr"), bytes_(bytes) {}
  void write(const char from[], int count) override {
    const std::size_t end = at_ + static_cast<std::size_t>(count);
    if (bytes_.size() < end) bytes_.resize(end);
    std::memcpy(bytes_.data() + at_, from, static_cast<std::size_t>(count));
    at_ = end;
  }
  std::uint64_t tellp() override { return at_; }
  void seekp(std::uint64_t position) override { at_ = position; }

 private:
  std::string& bytes_;
  std::uint64_t at_ = 0;
};

// A copy of the others, because Header::erase of OpenEXR 3.1 leaks what it takes out.
Imf::Header with_attributes(const Imf::Header& original, const Attributes& attributes) {
  Imf::Header header;
  for (auto i = original.begin(); i != original.end(); ++i)
    if (!std::string_view(i.name()).starts_with(kAttributePrefix)) header.insert(i.name(), i.attribute());
  if (!header.hasType()) header.setType(header.hasTileDescription() ? Imf::TILEDIMAGE : Imf::SCANLINEIMAGE);
  for (const auto& [name, value] : attributes) header.insert(name, Imf::StringAttribute(value));
  return header;
}

template <class Input, class Output>
void copy_part(Imf::MultiPartInputFile& in, Imf::MultiPartOutputFile& out, int part) {
  Input from(in, part);
  Output to(out, part);
  to.copyPixels(from);
}

}  // namespace

base::Result<std::string> with_exr_attributes(const std::string& file_bytes, const Attributes& attributes) try {
  ExrMemory source(file_bytes);
  // A file that is cut is not repaired: its table of offsets must be whole.
  Imf::MultiPartInputFile in(source, kThreads, false);
  std::vector<Imf::Header> headers;
  for (int part = 0; part < in.parts(); ++part) {
    if (!in.partComplete(part)) return unreadable_frame("the EXR file is truncated: some pixels are missing");
    headers.push_back(with_attributes(in.header(part), attributes));
  }
  std::string bytes;
  bytes.reserve(file_bytes.size() + 8192);
  MemoryOut target(bytes);
  {
    Imf::MultiPartOutputFile out(target, headers.data(), static_cast<int>(headers.size()), false, kThreads);
    for (int part = 0; part < in.parts(); ++part) {
      const std::string& type = headers[static_cast<std::size_t>(part)].type();
      if (type == Imf::TILEDIMAGE)
        copy_part<Imf::TiledInputPart, Imf::TiledOutputPart>(in, out, part);
      else if (type == Imf::DEEPSCANLINE)
        copy_part<Imf::DeepScanLineInputPart, Imf::DeepScanLineOutputPart>(in, out, part);
      else if (type == Imf::DEEPTILE)
        copy_part<Imf::DeepTiledInputPart, Imf::DeepTiledOutputPart>(in, out, part);
      else
        copy_part<Imf::InputPart, Imf::OutputPart>(in, out, part);
    }
  }  // the table of offsets is written here
  return bytes;
} catch (const std::exception& error) {
  return unreadable_frame(error.what());
}

}  // namespace framemill::frames
