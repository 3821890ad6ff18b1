#include "protocol/base/unix_socket.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/unit/agent/temporary.h"

namespace rdev::base {
namespace {

using testing::HasSubstr;

class UnixSocket : public testing::Test {
 protected:
  mode_t mode(const std::filesystem::path& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 0777;
  }

  test::Temporary directory_;
  std::string path_ = (directory_ / "agent.sock").string();
};

TEST_F(UnixSocket, IsPrivateAndGoesWithItsListener) {
  {
    const auto listener = UnixListener::open(path_);
    ASSERT_TRUE(listener) << listener.error().message;
    EXPECT_EQ(mode(path_), 0600U);
    const auto peer = connect_unix(path_);
    ASSERT_TRUE(peer) << peer.error().message;
    EXPECT_EQ(peer->pid, ::getpid());
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(connect_unix(path_).error().code, Code::kUnavailable);
}

TEST_F(UnixSocket, DoesNotTakeTheSocketOfALivingAgent) {
  const auto listener = UnixListener::open(path_);
  ASSERT_TRUE(listener);
  const auto second = UnixListener::open(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kExists);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(::getpid())));
  EXPECT_TRUE(connect_unix(path_));
}

TEST_F(UnixSocket, ReplacesTheSocketOfADeadAgent) {
  auto first = UnixListener::open(path_);
  ASSERT_TRUE(first);
  const auto kept = directory_ / "kept";
  std::filesystem::rename(path_, kept);  // so that the listener's end leaves it behind
  {
    const auto gone = std::move(*first);
  }
  std::filesystem::rename(kept, path_);
  EXPECT_EQ(connect_unix(path_).error().code, Code::kUnavailable);
  EXPECT_TRUE(UnixListener::open(path_));
}

TEST_F(UnixSocket, RemovesOnlyItsOwnFile) {
  auto first = UnixListener::open(path_);
  ASSERT_TRUE(first);
  std::filesystem::remove(path_);
  const auto second = UnixListener::open(path_);
  ASSERT_TRUE(second);
  {
    const auto gone = std::move(*first);
  }
  EXPECT_TRUE(connect_unix(path_));
}

TEST_F(UnixSocket, LeavesOtherFilesAlone) {
  ASSERT_TRUE(UnixListener::open(path_));
  const auto path = directory_.file("agent.sock", "precious");
  EXPECT_THAT(UnixListener::open(path_).error().message, HasSubstr("no socket"));
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(UnixSocket, SaysThatAPathIsTooLong) {
  const auto listener = UnixListener::open("/" + std::string(108, 'x'));
  ASSERT_FALSE(listener);
  EXPECT_THAT(listener.error().message, HasSubstr("107 bytes"));
}

TEST_F(UnixSocket, TrustsItsOwnUser) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const Fd one(ends[0]), other(ends[1]);
  EXPECT_TRUE(is_trusted_peer(one.get()));
  EXPECT_FALSE(is_trusted_peer(-1));
}

TEST_F(UnixSocket, KnowsOneWhoseBacklogIsFull) {
  const auto listener = UnixListener::open(path_);
  ASSERT_TRUE(listener);
  ASSERT_EQ(::listen(listener->fd(), 0), 0);  // takes one
  const auto waiting = connect_unix(path_);
  ASSERT_TRUE(waiting);
  const auto second = UnixListener::open(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kExists);
}

TEST_F(UnixSocket, NeedsAPath) {
  EXPECT_EQ(UnixListener::open("").error().code, Code::kUsage);
  EXPECT_EQ(UnixListener::open(std::string("a\0b", 3)).error().code, Code::kUsage);
}

}  // namespace
}  // namespace rdev::base
