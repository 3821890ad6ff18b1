// Output, Handles, Names: what the handlers are made of.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>

#include "agent/sftp/handles.h"
#include "agent/sftp/names.h"
#include "agent/sftp/output.h"

namespace rdev::sftp {
namespace {

TEST(Output, PutsALengthInFrontOfEachReply) {
  Output out;
  out.status(7, Status::kFailure, "no");
  EXPECT_EQ(out.pending(),
            std::string_view("\0\0\0\x13\x65\0\0\0\x07\0\0\0\x04\0\0\0\x02no\0\0\0\0", 23));
}

TEST(Output, ReplacesAReplyThatIsTooLong) {
  Output out;
  out.status(1, Status::kOk, "before");
  const std::size_t before = out.pending().size();
  out.begin(Type::kName, 2);
  for (int i = 0; i < 100; ++i) {
    out.string(std::string(4096, 'x'));
  }
  out.end();
  const auto reply = first_packet(out.pending().substr(before)).value().value();
  Reader in(reply);
  EXPECT_EQ(in.get<std::uint8_t>(), static_cast<std::uint8_t>(Type::kStatus));
  EXPECT_EQ(in.get<std::uint32_t>(), 2U);
  EXPECT_EQ(in.get<std::uint32_t>(), static_cast<std::uint32_t>(Status::kFailure));
}

TEST(Output, HasRoomForTheLargestReadBehindWhatMayBePending) {
  Output out;
  while (out.pending().size() < Output::kFlushAt - 64) {
    out.status(1, Status::kOk, "");
  }
  out.data_room()[kMaxData - 1] = 'z';
  const std::size_t before = out.pending().size();
  out.data(9, kMaxData);
  const auto reply = first_packet(out.pending().substr(before)).value().value();
  EXPECT_EQ(reply.size(), kMaxData + 9);
  EXPECT_EQ(reply.back(), 'z');
}

base::Fd dev_null() { return base::Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

TEST(Handles, RefusesAHandleAfterItsCloseAlsoWhenTheSlotIsUsedAgain) {
  Handles handles;
  const auto first = handles.add(dev_null());
  EXPECT_GE(handles.fd({first}), 0);
  EXPECT_EQ(handles.close({first}), 0);
  EXPECT_EQ(handles.fd({first}), -1);
  EXPECT_EQ(handles.close({first}), EBADF);
  const auto second = handles.add(dev_null());
  EXPECT_GE(handles.fd({second}), 0);
  EXPECT_EQ(handles.fd({first}), -1);
}

TEST(Handles, RefusesNonsense) {
  Handles handles;
  const auto real = handles.add(dev_null());
  EXPECT_EQ(handles.fd({""}), -1);
  EXPECT_EQ(handles.fd({real.substr(0, 7)}), -1);
  EXPECT_EQ(handles.fd({real + "x"}), -1);
  EXPECT_EQ(handles.fd({"\xff\xff\xff\xff\xff\xff\xff\xff"}), -1);
  EXPECT_EQ(handles.directory({real}), nullptr);
}

TEST(Handles, HoldsFilesAndDirectories) {
  Handles handles;
  const auto directory = handles.add(::opendir("/"));
  EXPECT_NE(handles.directory({directory}), nullptr);
  EXPECT_GE(handles.fd({directory}), 0);
  EXPECT_EQ(handles.close({directory}), 0);
}

struct LongName {
  mode_t mode;
  time_t age;
  const char* expected;
};

TEST(Names, WritesALineAsLsDoes) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  const time_t now = 1'700'000'000;  // 2023-11-14 22:13:20 UTC
  const LongName cases[] = {
      {S_IFREG | 0644, 60, "-rw-r--r--   3 4000001  4000002      1234 Nov 14 22:12 name"},
      {S_IFDIR | 01777, time_t{400} * 86400,
       "drwxrwxrwt   3 4000001  4000002      1234 Oct 10  2022 name"},
      {S_IFLNK | 0777, -86400, "lrwxrwxrwx   3 4000001  4000002      1234 Nov 15  2023 name"},
      {S_IFREG | 06711, 60, "-rws--s--x   3 4000001  4000002      1234 Nov 14 22:12 name"},
      {S_IFREG | 07000, 60, "---S--S--T   3 4000001  4000002      1234 Nov 14 22:12 name"},
      {S_IFSOCK | 0600, 60, "srw-------   3 4000001  4000002      1234 Nov 14 22:12 name"},
  };
  Names names;
  for (const auto& c : cases) {
    struct stat status{};
    status.st_mode = c.mode;
    status.st_nlink = 3;
    status.st_uid = 4000001;
    status.st_gid = 4000002;
    status.st_size = 1234;
    status.st_mtime = now - c.age;
    EXPECT_EQ(long_name("name", status, names, now), c.expected);
  }
}

TEST(Names, KnowsRootAndNotEveryId) {
  Names names;
  EXPECT_EQ(names.user(0), "root");
  EXPECT_EQ(names.group(0), "root");
  EXPECT_EQ(names.user(4000001), "");
}

TEST(Names, TakesHomeFromTheEnvironmentForOneselfOnly) {
  ::setenv("HOME", "/some/home", 1);
  EXPECT_EQ(home_of(""), "/some/home");
  EXPECT_EQ(home_of("root"), "/root");
  EXPECT_EQ(home_of("nobody-has-this-name"), "");
}

}  // namespace
}  // namespace rdev::sftp
