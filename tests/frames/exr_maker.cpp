#include "tests/frames/exr_maker.h"

#include <ImfChannelList.h>
#include <ImfFrameBuffer.h>
#include <ImfHeader.h>
#include <ImfIO.h>
#include <ImfMultiPartOutputFile.h>
#include <ImfOutputPart.h>
#include <ImfPartType.h>
#include <ImfStringAttribute.h>
#include <ImfTiledOutputPart.h>

#include <algorithm>
#include <list>
#include <sstream>

namespace framemill::tests {
namespace {

class StringOut : public Imf::OStream {
 public:
  StringOut() : Imf::OStream("made") {}
  void write(const char from[], int count) override { stream_.write(from, count); }
  std::uint64_t tellp() override { return static_cast<std::uint64_t>(stream_.tellp()); }
  void seekp(std::uint64_t to) override { stream_.seekp(static_cast<std::streamoff>(to)); }
  std::string bytes() const { return stream_.str(); }

 private:
  std::ostringstream stream_;
};

Imath::Box2i box(const Box& b) {
  return {{b.left, b.top}, {b.left + b.width - 1, b.top + b.height - 1}};
}

bool is_uint(const ExrPart& part, const std::string& channel) {
  return std::find(part.uint_channels.begin(), part.uint_channels.end(), channel) != part.uint_channels.end();
}

Imf::Header header_of(const ExrPart& part) {
  Imf::Header header(box(part.display), box(part.data));
  if (!part.name.empty()) header.setName(part.name);
  header.setType(part.tiled ? Imf::TILEDIMAGE : Imf::SCANLINEIMAGE);
  if (part.tiled) header.setTileDescription(Imf::TileDescription(16, 16));
  for (const std::string& channel : part.channels)
    header.channels().insert(channel, Imf::Channel(is_uint(part, channel) ? Imf::UINT
                                                   : part.full_float      ? Imf::FLOAT
                                                                          : Imf::HALF));
  for (const auto& [name, value] : part.attributes) header.insert(name, Imf::StringAttribute(value));
  return header;
}

}  // namespace

float exr_sample(std::size_t channel, int x, int y) {
  return static_cast<float>(channel + 1) + static_cast<float>(x) / 64 + static_cast<float>(y) / 32;
}

std::string make_exr(const std::vector<ExrPart>& parts) {
  std::vector<Imf::Header> headers;
  for (const ExrPart& part : parts) headers.push_back(header_of(part));
  StringOut out;
  {
    Imf::MultiPartOutputFile file(out, headers.data(), static_cast<int>(headers.size()));
    for (std::size_t number = 0; number < parts.size(); ++number) {
      const ExrPart& part = parts[number];
      const auto width = static_cast<std::size_t>(part.data.width), height = static_cast<std::size_t>(part.data.height);
      std::list<std::vector<half>> halves;
      std::list<std::vector<float>> floats;
      std::list<std::vector<unsigned>> integers;
      Imf::FrameBuffer frame;
      for (std::size_t c = 0; c < part.channels.size(); ++c) {
        const bool integer = is_uint(part, part.channels[c]);
        auto& values = floats.emplace_back();
        for (int y = part.data.top; y < part.data.top + part.data.height; ++y)
          for (int x = part.data.left; x < part.data.left + part.data.width; ++x)
            values.push_back((part.sample ? part.sample : exr_sample)(c, x, y));
        const auto add = [&](auto& samples, Imf::PixelType type) {
          const std::size_t size = sizeof samples[0];
          char* base = reinterpret_cast<char*>(samples.data()) -
                       (static_cast<std::ptrdiff_t>(part.data.left) + part.data.top * part.data.width) *
                           static_cast<std::ptrdiff_t>(size);
          frame.insert(part.channels[c], Imf::Slice(type, base, size, size * width));
        };
        if (integer) {
          add(integers.emplace_back(values.begin(), values.end()), Imf::UINT);
        } else if (part.full_float) {
          add(values, Imf::FLOAT);
        } else {
          auto& rounded = halves.emplace_back();
          for (const float v : values) rounded.push_back(half(v));
          add(rounded, Imf::HALF);
        }
      }
      if (part.tiled) {
        Imf::TiledOutputPart to(file, static_cast<int>(number));
        to.setFrameBuffer(frame);
        to.writeTiles(0, to.numXTiles() - 1, 0, to.numYTiles() - 1);
      } else {
        Imf::OutputPart to(file, static_cast<int>(number));
        to.setFrameBuffer(frame);
        to.writePixels(static_cast<int>(height));
      }
    }
  }
  return out.bytes();
}

}  // namespace framemill::tests
