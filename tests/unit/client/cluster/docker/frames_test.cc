#include "client/cluster/docker/frames.h"

#include <gtest/gtest.h>

#include <string>

namespace rdev::cluster::docker {
namespace {

std::string frame(char type, const std::string& bytes) {
  std::string text = {type, 0, 0, 0};
  for (int shift = 24; shift >= 0; shift -= 8) {
    text += static_cast<char>(bytes.size() >> shift);
  }
  return text + bytes;
}

// "1:bytes 2:bytes " with neighbouring pieces of one output put together; "!" for an error.
std::string decode(const std::string& stream, std::size_t step) {
  FrameDecoder decoder;
  std::string result;
  char last = 0;
  for (std::size_t i = 0; i < stream.size(); i += step) {
    std::string_view input = std::string_view(stream).substr(i, step);
    for (;;) {
      const auto piece = decoder.next(input);
      if (!piece) {
        return result + "!";
      }
      if (!*piece) {
        EXPECT_TRUE(input.empty());
        break;
      }
      EXPECT_FALSE((*piece)->bytes.empty());
      const char type = (*piece)->output == Output::kStdout ? '1' : '2';
      if (type != last) {
        result += std::string(1, type) + ":";
        last = type;
      }
      result += (*piece)->bytes;
    }
  }
  return result + (decoder.at_boundary() ? "" : "…");
}

TEST(FrameDecoder, SplitsOutputsHoweverTheBytesCome) {
  const std::string stream =
      frame(1, "one") + frame(1, "") + frame(2, "two") + frame(0, "echo") + frame(3, "engine");
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    EXPECT_EQ(decode(stream, step), "1:one2:two1:echo2:engine") << step;
  }
}

TEST(FrameDecoder, KnowsAnUnfinishedFrame) {
  const std::string stream = frame(1, "hello");
  EXPECT_EQ(decode(stream.substr(0, 3), 1), "…");
  EXPECT_EQ(decode(stream.substr(0, 10), 1), "1:he…");
  EXPECT_EQ(decode(stream, 1), "1:hello");
}

TEST(FrameDecoder, RefusesWhatIsNoFrame) {
  EXPECT_EQ(decode("SSH-2.0-x\r\n", 64), "!");
  EXPECT_EQ(decode(std::string("\1\0\0\1\0\0\0\1x", 9), 64), "!");
  EXPECT_EQ(decode(std::string("\4\0\0\0\0\0\0\1x", 9), 64), "!");
}

TEST(FrameDecoder, RefusesOversizedFrame) {
  EXPECT_EQ(decode(std::string("\1\0\0\0\1\0\0\0x", 9), 64), "1:x…");  // 16 MiB
  EXPECT_EQ(decode(std::string("\1\0\0\0\1\0\0\1x", 9), 64), "!");
  EXPECT_EQ(decode(std::string("\1\0\0\0\xff\xff\xff\xffx", 9), 64), "!");
}

}  // namespace
}  // namespace rdev::cluster::docker
