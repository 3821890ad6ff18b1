#include "client/terminal/input.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <thread>
#include <utility>

#include "protocol/base/fd.h"
#include "tests/unit/client/temp_dir.h"
#include "tests/unit/client/terminal/pipe.h"
#include "tests/unit/run.h"

namespace rdev::terminal {
namespace {

using test::lend;
using test::Pipe;
using test::put;

awaitable<void> take(Input& input, Result<std::string>& got) {
  const auto piece = co_await input.next();
  got = piece ? Result<std::string>(std::string(*piece)) : tl::make_unexpected(piece.error());
}

class InputTest : public ::testing::Test {
 protected:
  std::string next(Input& input) {
    Result<std::string> got;
    test::run(loop_, take(input, got));
    EXPECT_TRUE(got) << got.error().message;
    return got.value_or("");
  }
  std::string all(Input& input) {
    std::string text;
    for (std::string piece = next(input); !piece.empty(); piece = next(input)) {
      text += piece;
    }
    return text;
  }
  Input open(int fd) { return Input(loop_.get_executor(), fd); }

  asio::io_context loop_;
};

TEST_F(InputTest, GivesWhatAPipeHasAsItComes) {
  Pipe pipe;
  Input input = open(lend(std::move(pipe.read)));
  put(pipe.write.get(), "one");
  EXPECT_EQ(next(input), "one");
  put(pipe.write.get(), "two");
  EXPECT_EQ(next(input), "two");
}

TEST_F(InputTest, EndsForGood) {
  Pipe pipe;
  Input input = open(lend(std::move(pipe.read)));
  put(pipe.write.get(), "last");
  pipe.write.reset();
  EXPECT_EQ(next(input), "last");
  EXPECT_EQ(next(input), "");
  EXPECT_EQ(next(input), "");
}

std::string numbered(std::size_t size) {
  std::string text;
  for (unsigned i = 0; text.size() < size; ++i) {
    text += std::to_string(i) + '\n';
  }
  return text;
}

TEST_F(InputTest, ReadsFilesWhichEpollRefuses) {
  const test::TempDir directory;
  const std::string text = numbered(5 * kPieceBytes);
  test::write_text(directory.path() / "file", text);
  const int file =
      lend(base::Fd(::open((directory.path() / "file").c_str(), O_RDONLY | O_CLOEXEC)));
  Input input = open(file);
  EXPECT_EQ(all(input), text);
}

TEST_F(InputTest, ReadsDevNull) {
  const int file = lend(base::Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  Input input = open(file);
  EXPECT_EQ(next(input), "");
}

TEST_F(InputTest, ReadsSocketsInOrder) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const int ours = lend(base::Fd(ends[0]));
  base::Fd theirs(ends[1]);
  const std::string text = numbered(20 * kPieceBytes);
  std::thread writer([&] {
    std::string_view rest = text;
    while (!rest.empty()) {
      const ssize_t n = ::write(theirs.get(), rest.data(), rest.size());
      ASSERT_GT(n, 0);
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    theirs.reset();
  });
  Input input = open(ours);
  EXPECT_EQ(all(input), text);
  writer.join();
}

TEST_F(InputTest, LeavesTheDescriptorAsItIs) {
  Pipe pipe;
  const int fd = lend(std::move(pipe.read));
  const int before = ::fcntl(fd, F_GETFL);
  Input input = open(fd);
  put(pipe.write.get(), "x");
  EXPECT_EQ(next(input), "x");
  EXPECT_EQ(::fcntl(fd, F_GETFL), before);
}

TEST_F(InputTest, WaitsOnADescriptorThatSomebodyMadeNonBlocking) {
  Pipe pipe;
  ASSERT_EQ(::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK), 0);
  Input input = open(lend(std::move(pipe.read)));
  put(pipe.write.get(), "x");
  EXPECT_EQ(next(input), "x");
  put(pipe.write.get(), "y");
  EXPECT_EQ(next(input), "y");
}

TEST_F(InputTest, ReadsNoMoreAheadThanTwoPieces) {
  const test::TempDir directory;
  test::write_text(directory.path() / "file", numbered(10 * kPieceBytes));
  const int file =
      lend(base::Fd(::open((directory.path() / "file").c_str(), O_RDONLY | O_CLOEXEC)));
  {
    Input input = open(file);
    EXPECT_EQ(next(input).size(), kPieceBytes);
    EXPECT_EQ(next(input).size(), kPieceBytes);
    // The second is still with us, so that one more at most was read.
  }
  EXPECT_LE(::lseek(file, 0, SEEK_CUR), static_cast<off_t>(3 * kPieceBytes));
}

TEST_F(InputTest, SaysWhyItCannotRead) {
  const test::TempDir directory;
  const int folder = lend(base::Fd(::open(directory.path().c_str(), O_RDONLY | O_CLOEXEC)));
  Input input = open(folder);
  Result<std::string> got;
  test::run(loop_, take(input, got));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().message, "cannot read the input: Is a directory");
}

// The thread's read goes on after the loop has gone; what wakes it must find nothing to wake.
TEST(Input, MayBeLeftWhileItsReadIsPending) {
  Pipe pipe;
  {
    std::optional<asio::io_context> loop(std::in_place);
    Input input(loop->get_executor(), lend(std::move(pipe.read)));
    Result<std::string> got;
    put(pipe.write.get(), "x");
    test::run(*loop, take(input, got));
    EXPECT_EQ(got.value(), "x");
  }
  put(pipe.write.get(), "late");
}

}  // namespace
}  // namespace rdev::terminal
