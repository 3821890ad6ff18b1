#include "client/sftp/packet.h"

#include <gtest/gtest.h>

namespace rdev::sftp {
namespace {

using Kind = Reply::Kind;

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) {
    text += static_cast<char>(value);
  }
  return text;
}

TEST(Packet, RequestsAreAsTheDraftHasThem) {
  EXPECT_EQ(init(), bytes({0, 0, 0, 5, 1, 0, 0, 0, 3}));
  EXPECT_EQ(stat(7, "/a"), bytes({0, 0, 0, 11, 17, 0, 0, 0, 7, 0, 0, 0, 2, '/', 'a'}));
  EXPECT_EQ(open_to_read(1, "a"),
            bytes({0, 0, 0, 18, 3, 0, 0, 0, 1, 0, 0, 0, 1, 'a', 0, 0, 0, 1, 0, 0, 0, 0}));
  EXPECT_EQ(read(1, "h", 256, 2), bytes({0,   0, 0, 22, 5, 0, 0, 0, 1, 0, 0, 0, 1,
                                         'h', 0, 0, 0,  0, 0, 0, 1, 0, 0, 0, 0, 2}));
}

TEST(Packet, Attributes) {
  // Size, owner and mode.
  const auto reply =
      parse_reply(bytes({105, 0, 0, 0, 9, 0, 0, 0, 7}) + bytes({0, 0, 0, 0, 0, 0, 1, 0}) +
                  bytes({0, 0, 0x30, 0x39, 0, 0, 0, 5}) + bytes({0, 0, 0x41, 0xed}));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->kind, Kind::kAttributes);
  EXPECT_EQ(reply->id, 9U);
  EXPECT_EQ(reply->attributes.bytes, 256U);
  EXPECT_EQ(reply->attributes.uid, 12345U);
  EXPECT_EQ(reply->attributes.gid, 5U);
  EXPECT_EQ(reply->attributes.mode, 040755U);
  const auto none = parse_reply(bytes({105, 0, 0, 0, 9, 0, 0, 0, 0}));
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->attributes.mode);
}

TEST(Packet, FileSystem) {
  std::string packet = bytes({201, 0, 0, 0, 1});
  for (const int field : {0, 2, 10, 0, 3, 0, 0, 0, 0, 1, 0}) {
    packet += bytes({0, 0, 0, 0, 0, 0, 0, field});
  }
  const auto reply = parse_reply(packet);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->file_system.block_bytes, 2U);
  EXPECT_EQ(reply->file_system.blocks, 10U);
  EXPECT_EQ(reply->file_system.available, 3U);
  EXPECT_TRUE(reply->file_system.is_read_only);
}

TEST(Packet, StatusAndData) {
  const auto status = parse_reply(bytes({101, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 'x'}));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->status, 2U);
  EXPECT_EQ(status->text, "x");
  const auto data = parse_reply(bytes({103, 0, 0, 0, 1, 0, 0, 0, 2, 'a', 'b'}));
  ASSERT_TRUE(data);
  EXPECT_EQ(data->text, "ab");
}

TEST(Packet, RefusesWhatEndsTooEarlyAndWhatNobodyAsked) {
  for (const std::string& packet :
       {std::string(), bytes({101, 0, 0}), bytes({103, 0, 0, 0, 1, 0, 0, 0, 9, 'a'}),
        bytes({105, 0, 0, 0, 1, 0, 0, 0, 1}), bytes({3, 0, 0, 0, 1}), bytes({255, 0, 0, 0, 1})}) {
    const auto reply = parse_reply(packet);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Code::kProtocol);
  }
}

TEST(Packet, SizesAreBounded) {
  EXPECT_EQ(first_packet(bytes({0, 0}))->has_value(), false);
  EXPECT_EQ(first_packet(bytes({0, 0, 0, 2, 'a'}))->has_value(), false);
  EXPECT_EQ(**first_packet(bytes({0, 0, 0, 2, 'a', 'b', 'c'})), "ab");
  EXPECT_FALSE(first_packet(bytes({0, 0, 0, 0})));
  EXPECT_FALSE(first_packet(bytes({0, 4, 0, 1})));
  EXPECT_FALSE(first_packet("SSH-2.0-x"));
}

}  // namespace
}  // namespace rdev::sftp
