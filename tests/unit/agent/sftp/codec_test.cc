#include "agent/sftp/codec.h"

#include <gtest/gtest.h>

#include <vector>

#include "agent/sftp/dispatch.h"
#include "tests/unit/agent/sftp/client.h"

namespace rdev::sftp {
namespace {

Fields attributes() {
  return Fields()
      .u32(kAttrSize | kAttrOwner | kAttrPermissions | kAttrTimes | kAttrExtended)
      .u64(1ULL << 40)
      .u32(7)
      .u32(8)
      .u32(0644)
      .u32(100)
      .u32(200)
      .u32(1)
      .string("type@example")
      .string("data");
}

// One of each, complete.
std::vector<std::string> requests() {
  const auto extended = [](std::string_view name, const Fields& fields) {
    return packet(Type::kExtended, 1, Fields().string(name)) + fields.bytes();
  };
  const auto path = Fields().string("path");
  const auto two = Fields().string("from").string("to");
  const auto handle = Fields().string("handle");
  std::vector<std::string> all = {
      packet(Type::kOpen, 1, Fields().string("path").u32(1)) + attributes().bytes(),
      packet(Type::kRead, 1, Fields().string("handle").u64(0).u32(1)),
      packet(Type::kWrite, 1, Fields().string("handle").u64(0).string("data")),
      packet(Type::kRename, 1, two),
      packet(Type::kSymlink, 1, two),
      extended("posix-rename@openssh.com", two),
      extended("hardlink@openssh.com", two),
      extended("statvfs@openssh.com", path),
      extended("fstatvfs@openssh.com", handle),
      extended("fsync@openssh.com", handle),
      extended("expand-path@openssh.com", path),
      extended("home-directory", path),
      extended("users-groups-by-id@openssh.com", two),
      extended("copy-data", Fields().string("handle").u64(1).u64(2).string("handle").u64(3)),
      extended("lsetstat@openssh.com", path) + attributes().bytes(),
  };
  for (const auto type : {Type::kSetstat, Type::kFsetstat, Type::kMkdir}) {
    all.push_back(packet(type, 1, path) + attributes().bytes());
  }
  for (const auto type :
       {Type::kClose, Type::kLstat, Type::kFstat, Type::kOpendir, Type::kReaddir, Type::kRemove,
        Type::kRmdir, Type::kRealpath, Type::kStat, Type::kReadlink}) {
    all.push_back(packet(type, 1, path));
  }
  return all;
}

TEST(Codec, DecodesEveryRequestAndNoPrefixOfOne) {
  for (const auto& request : requests()) {
    EXPECT_TRUE(decode(request)) << static_cast<int>(request[0]);
    for (std::size_t size = 0; size < request.size(); ++size) {
      const auto decoded = decode(std::string_view(request).substr(0, size));
      ASSERT_FALSE(decoded) << "type " << static_cast<int>(request[0]) << " cut to " << size;
      EXPECT_EQ(decoded.error().code, Code::kProtocol);
    }
  }
}

TEST(Codec, PassesOverWhatFollowsARequest) {
  EXPECT_TRUE(decode(packet(Type::kStat, 1, Fields().string("path")) + "more"));
}

TEST(Codec, TakesAttributes) {
  const auto bytes = attributes().bytes();
  Reader in(bytes);
  const auto got = in.get<Attributes>();
  EXPECT_TRUE(in.good());
  EXPECT_TRUE(in.empty());
  EXPECT_EQ(got.size, 1ULL << 40);
  EXPECT_EQ(got.owner->uid, 7U);
  EXPECT_EQ(got.owner->gid, 8U);
  EXPECT_EQ(got.permissions, 0644U);
  EXPECT_EQ(got.times->accessed, 100U);
  EXPECT_EQ(got.times->modified, 200U);
}

TEST(Codec, EndsAtOnceOnACountOfExtendedAttributesThatAreNotThere) {
  const auto bytes = Fields().u32(kAttrExtended).u32(0xffffffff).bytes();
  Reader in(bytes);
  in.get<Attributes>();
  EXPECT_FALSE(in.good());
}

TEST(Codec, RefusesAPathWithNul) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(decode(packet(Type::kRemove, 1, Fields().string("a\0b"sv))));
}

TEST(Codec, KnowsWhereAPacketEnds) {
  const auto bytes = framed("abc") + "rest";
  for (std::size_t size = 0; size < 7; ++size) {
    EXPECT_EQ(first_packet(std::string_view(bytes).substr(0, size)).value(), std::nullopt);
  }
  EXPECT_EQ(first_packet(bytes).value(), "abc");
}

TEST(Codec, RefusesImpossibleLengths) {
  EXPECT_FALSE(first_packet(Fields().u32(0).bytes()));
  EXPECT_TRUE(first_packet(Fields().u32(kMaxPacket).bytes()));
  EXPECT_FALSE(first_packet(Fields().u32(kMaxPacket + 1).bytes()));
  EXPECT_FALSE(first_packet("SSH-2.0-OpenSSH"));
}

}  // namespace
}  // namespace rdev::sftp
