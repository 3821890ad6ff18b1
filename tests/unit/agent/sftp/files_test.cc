#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/agent/sftp/client.h"

namespace rdev::sftp {
namespace {

constexpr auto kNew = kOpenWrite | kOpenCreate | kOpenTruncate;
constexpr int kOk = 0;
constexpr int kEof = 1;
constexpr int kNoSuchFile = 2;
constexpr int kFailure = 4;

int close(Client& client, std::string_view handle) {
  return client.ask(Type::kClose, Fields().string(handle)).status();
}

TEST(SftpFiles, WritesAndReads) {
  Client client;
  const auto out = client.open("file", kNew);
  EXPECT_EQ(client.write(out, 0, "hello ").status(), kOk);
  EXPECT_EQ(client.write(out, 6, "world").status(), kOk);
  EXPECT_EQ(close(client, out), kOk);
  EXPECT_EQ(read_text(client.directory() / "file"), "hello world");
  const auto in = client.open("file", kOpenRead);
  EXPECT_EQ(client.read(in, 6, 100).text(), "world");
  EXPECT_EQ(client.read(in, 11, 100).status(), kEof);
  EXPECT_EQ(client.read(in, 0, 0).text(), "");
  EXPECT_EQ(close(client, in), kOk);
  EXPECT_EQ(close(client, in), kFailure);
  EXPECT_EQ(client.finish(), 0);
}

TEST(SftpFiles, ReadsAndWritesAsMuchAsLimitsSays) {
  Client client;
  const std::string data(kMaxData, 'x');
  const auto file = client.open("file", kNew | kOpenRead);
  EXPECT_EQ(client.write(file, 0, data).status(), kOk);
  EXPECT_EQ(client.write(file, kMaxData, data).status(), kOk);
  EXPECT_EQ(client.read(file, 0, 0xffffffff).text(), data);
}

TEST(SftpFiles, UsesOffsetsBeyond32Bits) {
  Client client;
  constexpr std::uint64_t kFar = 5ULL << 30;
  const auto file = client.open("sparse", kNew | kOpenRead);
  EXPECT_EQ(client.write(file, kFar, "far").status(), kOk);
  EXPECT_EQ(client.read(file, kFar - 1, 10).text(), std::string("\0far", 4));
  EXPECT_EQ(std::filesystem::file_size(client.directory() / "sparse"), kFar + 3);
  struct stat status{};
  ::stat((client.directory() / "sparse").c_str(), &status);
  EXPECT_LT(status.st_blocks, 1000);
  EXPECT_GT(client.write(file, ~0ULL, "x").status(), kOk);
  EXPECT_GT(client.read(file, ~0ULL, 1).status(), kOk);
}

TEST(SftpFiles, AppendsWhateverTheOffset) {
  Client client;
  write_text(client.directory() / "log", "one ");
  const auto file = client.open("log", kOpenWrite | kOpenAppend);
  EXPECT_EQ(client.write(file, 0, "two").status(), kOk);
  EXPECT_EQ(read_text(client.directory() / "log"), "one two");
}

TEST(SftpFiles, HonoursTruncateAndExclusive) {
  Client client;
  write_text(client.directory() / "file", "old");
  const auto reply = client.ask(
      Type::kOpen, Fields().string("file").u32(kOpenWrite | kOpenCreate | kOpenExclusive).u32(0));
  EXPECT_EQ(reply.status(), kFailure);
  EXPECT_EQ(reply.message(), "File exists");
  client.open("file", kOpenWrite);
  EXPECT_EQ(read_text(client.directory() / "file"), "old");
  client.open("file", kNew);
  EXPECT_EQ(read_text(client.directory() / "file"), "");
}

TEST(SftpFiles, HonoursModeAndUmask) {
  Client client({.umask = 027});
  client.open("plain", kNew);
  client.open("script", kNew, Fields().u32(kAttrPermissions).u32(0777));
  client.ask(Type::kMkdir, Fields().string("dir").u32(0));
  struct stat status{};
  ::stat((client.directory() / "plain").c_str(), &status);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
  ::stat((client.directory() / "script").c_str(), &status);
  EXPECT_EQ(status.st_mode & 07777, 0750U);
  ::stat((client.directory() / "dir").c_str(), &status);
  EXPECT_EQ(status.st_mode & 07777, 0750U);
}

TEST(SftpFiles, NamesWhatWentWrong) {
  Client client;
  EXPECT_EQ(client.ask(Type::kOpen, Fields().string("no").u32(kOpenRead).u32(0)).status(),
            kNoSuchFile);
  EXPECT_EQ(client.ask(Type::kOpen, Fields().string("").u32(kOpenRead).u32(0)).status(),
            kNoSuchFile);
  EXPECT_EQ(client.read("nonsense", 0, 1).status(), kFailure);
  EXPECT_EQ(client.write("", 0, "x").status(), kFailure);
}

TEST(SftpFiles, DoesNotWaitForTheOtherEndOfAFifo) {
  Client client;
  ASSERT_EQ(::mkfifo((client.directory() / "fifo").c_str(), 0600), 0);
  const auto reply = client.ask(Type::kOpen, Fields().string("fifo").u32(kOpenWrite).u32(0));
  EXPECT_EQ(reply.status(), kFailure);
  EXPECT_EQ(reply.message(), "No such device or address");
  const auto reader = client.open("fifo", kOpenRead);
  EXPECT_EQ(client.read(reader, 0, 1).message(), "Illegal seek");
}

TEST(SftpFiles, TellsThatTheDiskIsFull) {
  Client client;
  const auto full = client.open("/dev/full", kOpenWrite);
  const auto reply = client.write(full, 0, "x");
  EXPECT_EQ(reply.status(), kFailure);
  EXPECT_EQ(reply.message(), "No space left on device");
}

TEST(SftpFiles, GoesOnWhenHandlesRunOut) {
  Client client({.umask = 022, .max_fds = 40});
  write_text(client.directory() / "file", "");
  std::vector<std::string> handles;
  for (;;) {
    const auto reply = client.ask(Type::kOpen, Fields().string("file").u32(kOpenRead).u32(0));
    if (reply.type != Type::kHandle) {
      EXPECT_EQ(reply.message(), "Too many open files");
      break;
    }
    handles.push_back(reply.text());
    ASSERT_LT(handles.size(), 40U);
  }
  const auto reply = client.extended("limits@openssh.com");
  auto limits = reply.fields();
  EXPECT_EQ(limits.get<std::uint64_t>(), kMaxPacket);
  EXPECT_EQ(limits.get<std::uint64_t>(), kMaxData);
  EXPECT_EQ(limits.get<std::uint64_t>(), kMaxData);
  EXPECT_EQ(limits.get<std::uint64_t>(), handles.size());
  EXPECT_EQ(client.ask(Type::kOpendir, Fields().string(".")).status(), kFailure);
  EXPECT_EQ(close(client, handles.front()), kOk);
  client.open("file", kOpenRead);
}

TEST(SftpFiles, CopiesDataBetweenHandles) {
  Client client;
  std::string text;
  for (int i = 0; i < 400000; ++i) {
    text += std::to_string(i);
  }
  write_text(client.directory() / "from", text);
  const auto from = client.open("from", kOpenRead);
  const auto to = client.open("to", kNew);
  const auto copy = [&](std::uint64_t at, std::uint64_t length, std::string_view target,
                        std::uint64_t target_at) {
    return client
        .extended("copy-data",
                  Fields().string(from).u64(at).u64(length).string(target).u64(target_at))
        .status();
  };
  EXPECT_EQ(copy(0, 0, to, 0), kOk);
  EXPECT_EQ(read_text(client.directory() / "to"), text);
  EXPECT_EQ(copy(3, 4, to, 0), kOk);
  EXPECT_EQ(read_text(client.directory() / "to"), text.substr(3, 4) + text.substr(4));
  EXPECT_EQ(copy(0, 0, from, 100), kFailure);
  const auto log = client.open("log", kNew | kOpenAppend);  // the kernel's copy refuses O_APPEND
  EXPECT_EQ(copy(0, 5, log, 0), kOk);
  EXPECT_EQ(copy(5, 5, log, 0), kOk);
  EXPECT_EQ(read_text(client.directory() / "log"), text.substr(0, 10));
}

TEST(SftpFiles, CopiesFromFilesThatSayTheyAreEmpty) {
  Client client;
  const auto from = client.open("/proc/self/comm", kOpenRead);
  const auto to = client.open("to", kNew);
  EXPECT_EQ(
      client.extended("copy-data", Fields().string(from).u64(0).u64(0).string(to).u64(0)).status(),
      kOk);
  EXPECT_FALSE(read_text(client.directory() / "to").empty());
}

TEST(SftpFiles, SyncsAFile) {
  Client client;
  const auto file = client.open("file", kNew);
  EXPECT_EQ(client.extended("fsync@openssh.com", Fields().string(file)).status(), kOk);
  EXPECT_EQ(client.extended("fsync@openssh.com", Fields().string("no")).status(), kFailure);
}

}  // namespace
}  // namespace rdev::sftp
