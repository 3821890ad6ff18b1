#include "protocol/link/events.h"

#include <gtest/gtest.h>

#include "protocol/wire/frame.h"

namespace rdev::link {
namespace {

TEST(LinkEvents, ComeBackFromAnyPieces) {
  const std::string bytes = encode_event(stream::Break{.milliseconds = 250}) +
                            encode_event(stream::ExitStatus{.code = 7}) +
                            encode_event(stream::Signal{.name = "USR1"});
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    EventDecoder decoder;
    std::vector<stream::Event> events;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      decoder.feed(std::string_view(bytes).substr(at, piece));
      for (;;) {
        auto event = decoder.next();
        ASSERT_TRUE(event);
        if (!*event) {
          break;
        }
        events.push_back(**event);
      }
    }
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(std::get<stream::Break>(events[0]).milliseconds, 250u);
    EXPECT_EQ(std::get<stream::ExitStatus>(events[1]).code, 7u);
    EXPECT_EQ(std::get<stream::Signal>(events[2]).name, "USR1");
  }
}

TEST(LinkEvents, UnknownKindsArePassedOver) {
  std::string bytes;
  wire::append_u32(bytes, 3);
  bytes += std::string("\xf8\x07\x01", 3);  // field 127, a number
  bytes += encode_event(stream::ExitStatus{.code = 1});
  EventDecoder decoder;
  decoder.feed(bytes);
  const auto event = decoder.next();
  ASSERT_TRUE(event && *event);
  EXPECT_EQ(std::get<stream::ExitStatus>(**event).code, 1u);
}

TEST(LinkEvents, RefusesWhatIsTooLongOrUnreadable) {
  std::string longer;
  wire::append_u32(longer, kMaxEventBytes + 1);
  EventDecoder decoder;
  decoder.feed(longer);
  EXPECT_EQ(decoder.next().error().code, Code::kProtocol);
  std::string garbage;
  wire::append_u32(garbage, 2);
  EventDecoder other;
  other.feed(garbage + "\xff\xff");
  EXPECT_EQ(other.next().error().code, Code::kProtocol);
}

}  // namespace
}  // namespace rdev::link
