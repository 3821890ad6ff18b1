#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/unit/agent/sftp/client.h"

namespace rdev::sftp {
namespace {

constexpr int kOk = 0;

struct stat status_of(const Client& client, const char* name) {
  struct stat status{};
  EXPECT_EQ(::lstat((client.directory() / name).c_str(), &status), 0);
  return status;
}

Fields with(Fields first, const Fields& attributes) {
  for (const char c : attributes.bytes()) {
    first.u8(static_cast<std::uint8_t>(c));
  }
  return first;
}

TEST(SftpAttributes, ToldByStatLstatAndFstat) {
  Client client;
  write_text(client.directory() / "file", "12345");
  std::filesystem::create_symlink("file", client.directory() / "link");
  const auto file = client.open("file", kOpenRead);
  const auto expected = status_of(client, "file");
  for (const auto& reply : {client.ask(Type::kStat, Fields().string("link")),
                            client.ask(Type::kLstat, Fields().string("file")),
                            client.ask(Type::kFstat, Fields().string(file))}) {
    ASSERT_EQ(reply.type, Type::kAttrs);
    const auto got = reply.fields().get<Attributes>();
    EXPECT_EQ(got.size, 5U);
    EXPECT_EQ(got.permissions, expected.st_mode);
    EXPECT_EQ(got.owner->uid, expected.st_uid);
    EXPECT_EQ(got.owner->gid, expected.st_gid);
    EXPECT_EQ(got.times->modified, expected.st_mtime);
  }
  const auto link = client.ask(Type::kLstat, Fields().string("link"));
  EXPECT_TRUE(S_ISLNK(*link.fields().get<Attributes>().permissions));
  EXPECT_EQ(client.ask(Type::kStat, Fields().string("none")).status(), 2);
}

TEST(SftpAttributes, SetByPathAndByHandle) {
  Client client;
  const auto file = client.open("file", kOpenWrite | kOpenCreate);
  const auto all = Fields()
                       .u32(kAttrSize | kAttrOwner | kAttrPermissions | kAttrTimes)
                       .u64(7)
                       .u32(::getuid())
                       .u32(::getgid())
                       .u32(04751)
                       .u32(1000)
                       .u32(4000000000U);
  for (const bool by_handle : {false, true}) {
    write_text(client.directory() / "file", "0123456789");
    const auto reply = by_handle ? client.ask(Type::kFsetstat, with(Fields().string(file), all))
                                 : client.ask(Type::kSetstat, with(Fields().string("file"), all));
    EXPECT_EQ(reply.status(), kOk);
    const auto got = status_of(client, "file");
    EXPECT_EQ(got.st_size, 7);
    EXPECT_EQ(got.st_mode & 07777, 04751U);
    EXPECT_EQ(got.st_atime, 1000);
    EXPECT_EQ(got.st_mtime, 4000000000);
  }
}

TEST(SftpAttributes, AFailedChangeIsToldAndTheOthersAreMade) {
  Client client;
  write_text(client.directory() / "file", "");
  const auto size_and_mode = Fields().u32(kAttrSize | kAttrPermissions).u64(~0ULL).u32(0600);
  const auto reply = client.ask(Type::kSetstat, with(Fields().string("file"), size_and_mode));
  EXPECT_EQ(reply.message(), "File too large");
  EXPECT_EQ(status_of(client, "file").st_mode & 07777, 0600U);
}

TEST(SftpAttributes, LsetstatChangesTheLinkItself) {
  Client client;
  write_text(client.directory() / "file", "");
  std::filesystem::create_symlink("file", client.directory() / "link");
  const auto before = status_of(client, "file").st_mtime;
  const auto times = Fields().u32(kAttrTimes).u32(1000).u32(2000);
  EXPECT_EQ(client.extended("lsetstat@openssh.com", with(Fields().string("link"), times)).status(),
            kOk);
  EXPECT_EQ(status_of(client, "link").st_mtime, 2000);
  EXPECT_EQ(status_of(client, "file").st_mtime, before);
  const auto size = Fields().u32(kAttrSize).u64(0);
  EXPECT_GT(client.extended("lsetstat@openssh.com", with(Fields().string("link"), size)).status(),
            kOk);
}

TEST(SftpAttributes, DescribesTheFileSystem) {
  Client client;
  const auto file = client.open("file", kOpenWrite | kOpenCreate);
  struct statvfs expected{};
  ASSERT_EQ(::statvfs(client.directory().c_str(), &expected), 0);
  for (const auto& reply : {client.extended("statvfs@openssh.com", Fields().string(".")),
                            client.extended("fstatvfs@openssh.com", Fields().string(file))}) {
    ASSERT_EQ(reply.type, Type::kExtendedReply);
    auto in = reply.fields();
    EXPECT_EQ(in.get<std::uint64_t>(), expected.f_bsize);
    EXPECT_EQ(in.get<std::uint64_t>(), expected.f_frsize);
    EXPECT_EQ(in.get<std::uint64_t>(), expected.f_blocks);
    for (int i = 0; i < 5; ++i) {
      in.get<std::uint64_t>();
    }
    EXPECT_EQ(in.get<std::uint64_t>(), expected.f_fsid);
    in.get<std::uint64_t>();
    EXPECT_EQ(in.get<std::uint64_t>(), expected.f_namemax);
    EXPECT_TRUE(in.good() && in.empty());
  }
}

TEST(SftpAttributes, NamesUsersAndGroups) {
  Client client;
  const auto ids = Fields().u32(0).u32(4000001).bytes();
  const auto reply =
      client.extended("users-groups-by-id@openssh.com", Fields().string(ids).string(ids));
  auto in = reply.fields();
  const auto expected = Fields().string("root").string("").bytes();
  EXPECT_EQ(in.get<std::string_view>(), expected);
  EXPECT_EQ(in.get<std::string_view>(), expected);
  EXPECT_EQ(
      client.extended("users-groups-by-id@openssh.com", Fields().string("abc").string("")).status(),
      5);
}

}  // namespace
}  // namespace rdev::sftp
