#include "protocol/wire/frame.h"

#include <gtest/gtest.h>

#include <vector>

namespace rdev::wire {
namespace {

struct Seen {
  Header header;
  std::string payload;
};

// All frames of `bytes`, fed in pieces of `step`; the error ends it.
Result<std::vector<Seen>> decode(std::string_view bytes, std::size_t step) {
  Decoder decoder;
  std::vector<Seen> seen;
  while (!bytes.empty()) {
    const std::string piece(bytes.substr(0, step));  // its own memory: ASan sees what outlives it
    bytes.remove_prefix(piece.size());
    decoder.feed(piece);
    for (;;) {
      auto frame = decoder.next();
      if (!frame) {
        return tl::make_unexpected(frame.error());
      }
      if (!*frame) {
        break;
      }
      seen.push_back({(*frame)->header, std::string((*frame)->payload)});
    }
  }
  return seen;
}

TEST(Frame, HasTheBytesOfTheProtocolPage) {
  std::string out;
  append_frame(out, {.type = Type::kData, .lane = 1, .flags = kFin, .stream = 0x0102030405060708},
               "ab", "cde");
  EXPECT_EQ(out, std::string("\0\0\0\5\x13\1\1\0\1\2\3\4\5\6\7\x08"
                             "abcde",
                             21));
}

TEST(Frame, NumbersAreBigEndianAndTakenOnlyWhole) {
  std::string out;
  append_u32(out, 0x01020304);
  append_u64(out, 0xf102030405060708);
  EXPECT_EQ(out, "\1\2\3\4\xf1\2\3\4\5\6\7\x08");
  std::string_view rest = out;
  EXPECT_EQ(take_u32(rest), 0x01020304u);
  EXPECT_EQ(take_u64(rest), 0xf102030405060708u);
  EXPECT_EQ(rest, "");
  for (std::string_view few : {"", "abc"}) {
    EXPECT_FALSE(take_u32(few));
    EXPECT_FALSE(take_u64(few));
  }
}

TEST(Frame, OnesOfAStreamAreToldFromTheConnections) {
  for (const Type type : {Type::kOpen, Type::kAccept, Type::kRefuse, Type::kData, Type::kCredit,
                          Type::kReset, Type::kDetach, static_cast<Type>(30)}) {
    EXPECT_TRUE(is_stream_frame(type)) << int(type);
  }
  for (const Type type : {Type::kHello, Type::kWelcome, Type::kGoodbye, Type::kHeartbeat,
                          Type::kAttach, Type::kStop, static_cast<Type>(200)}) {
    EXPECT_FALSE(is_stream_frame(type)) << int(type);
  }
}

TEST(FrameDecoder, GivesTheSameFramesHoweverTheBytesAreCut) {
  std::string bytes;
  const std::string largest(kMaxPayload, 'x');
  append_frame(bytes, {.type = Type::kHeartbeat}, "");
  append_frame(bytes, {.type = Type::kData, .lane = 2, .stream = 7}, "12345678", "hello");
  append_frame(bytes, {.type = Type::kData, .stream = 8}, largest);
  append_frame(bytes, {.type = static_cast<Type>(99)}, "unknown");
  append_frame(bytes, {.type = Type::kReset, .stream = ~0ULL}, "", "");
  for (const std::size_t step : {1, 2, 15, 16, 17, 23, 1000, 32768, 40000, 1 << 20}) {
    const auto seen = decode(bytes, step);
    ASSERT_TRUE(seen) << step;
    ASSERT_EQ(seen->size(), 5u) << step;
    EXPECT_EQ((*seen)[0].header.type, Type::kHeartbeat);
    EXPECT_EQ((*seen)[1].payload, "12345678hello");
    EXPECT_EQ((*seen)[1].header.lane, 2);
    EXPECT_EQ((*seen)[1].header.size, 13u);
    EXPECT_EQ((*seen)[2].payload, largest);
    EXPECT_EQ(int((*seen)[3].header.type), 99);
    EXPECT_EQ((*seen)[4].header.stream, ~0ULL);
  }
}

TEST(FrameDecoder, RejectsOversizedFrameAtItsHeader) {
  std::string bytes;
  append_u32(bytes, kMaxPayload + 1);
  bytes.append(12, '\0');
  for (const std::size_t step : {1, 16}) {
    const auto seen = decode(bytes, step);
    ASSERT_FALSE(seen);
    EXPECT_EQ(seen.error().code, Code::kProtocol);
    EXPECT_NE(seen.error().message.find("32753"), std::string::npos) << seen.error().message;
  }
}

TEST(FrameDecoder, PassesOverAnEmptyFeed) {
  Decoder decoder;
  decoder.feed("");
  EXPECT_FALSE(decoder.next().value());
}

TEST(Sentence, IsShortAndHasNoControlCharacters) {
  EXPECT_EQ(sentence("a\x1b[2J\nb\x7f\0é"), "a [2J b ");  // a literal ends at its NUL
  EXPECT_EQ(sentence("no such file: ü"), "no such file: ü");
  EXPECT_EQ(sentence(std::string(5000, 'x')).size(), kMaxSentence);
}

}  // namespace
}  // namespace rdev::wire
