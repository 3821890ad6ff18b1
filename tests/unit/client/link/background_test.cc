#include "client/link/background.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "client/link/attach.h"
#include "client/link/places.h"
#include "client/link/seat.h"
#include "protocol/base/file.h"
#include "tests/unit/client/temp_dir.h"
#include "tests/unit/run.h"

namespace rdev::link_process {
namespace {

template <class T>
awaitable<void> keep(awaitable<Result<T>> work, std::optional<Result<T>>& result) {
  result.emplace(co_await std::move(work));
}

struct BackgroundTest : testing::Test {
  BackgroundTest() {
    EXPECT_TRUE(base::make_private_dir(background.files.lock.parent_path()));
    EXPECT_TRUE(base::make_private_dir(background.files.socket.parent_path()));
  }
  template <class T>
  Result<T> run(awaitable<Result<T>> work) {
    std::optional<Result<T>> result;
    test::run(context, keep(std::move(work), result));
    return std::move(*result);
  }
  // A process that holds the lock and listens nowhere; deaf to SIGTERM if asked to.
  pid_t hold_lock(bool deaf) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::signal(SIGTERM, deaf ? SIG_IGN : SIG_DFL);
      const auto lock = base::lock_file(background.files.lock, base::LockWait::kTry);
      const std::string number = std::to_string(::getpid());
      (void)!::write(lock->get(), number.data(), number.size());
      (void)!::write(ready[1], "x", 1);
      for (;;) {
        ::pause();
      }
    }
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    ::close(ready[1]);
    return pid;
  }

  test::TempDir dir;
  state::Paths paths = dir.paths();
  Background background = link_background(paths, "train");
  asio::io_context context;
};

TEST_F(BackgroundTest, ASeatListensForItsUserOnly) {
  {
    const auto seat = run(Seat::take(background));
    ASSERT_TRUE(seat) << seat.error().message;
    EXPECT_EQ(test::mode_of(background.files.socket), 0600U);
    EXPECT_EQ(test::read_text(background.files.lock), std::to_string(::getpid()) + "\n");
    const auto peer = connect_background(background);
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->pid, ::getpid());
  }
  EXPECT_FALSE(std::filesystem::exists(background.files.socket));
  EXPECT_EQ(connect_background(background).error().code, Code::kUnavailable);
}

TEST_F(BackgroundTest, NobodyIsThere) {
  const auto process = process_of(background);
  ASSERT_TRUE(process);
  EXPECT_FALSE(*process);
  const auto status = run(ask_status(paths, "train"));
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->has_value());
  EXPECT_TRUE(run(stop(paths, "train")));
}

TEST_F(BackgroundTest, AnEarlierProcessThatCannotBeReachedMakesRoom) {
  const pid_t earlier = hold_lock(false);
  const auto seat = run(Seat::take(background));
  EXPECT_TRUE(seat) << seat.error().message;
  int status = 0;
  EXPECT_EQ(::waitpid(earlier, &status, 0), earlier);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

TEST_F(BackgroundTest, StopKillsWhatDoesNotEnd) {
  const pid_t deaf = hold_lock(true);
  EXPECT_TRUE(run(stop(paths, "train")));
  int status = 0;
  EXPECT_EQ(::waitpid(deaf, &status, WNOHANG), deaf);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_F(BackgroundTest, AttachKnowsThatThereIsNoSuchJob) {
  const auto attached = run(Attached::attach(paths, "nojob", {.what = "test"}));
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code, Code::kNotFound);
}

TEST_F(BackgroundTest, ALongLogKeepsItsEnd) {
  const auto file = dir.path() / "log";
  std::string text;
  for (int i = 0; text.size() <= (1U << 20U); ++i) {
    text += "line " + std::to_string(i) + "\n";
  }
  test::write_text(file, text);
  ASSERT_TRUE(trim_log(file));
  const std::string kept = test::read_text(file);
  EXPECT_LE(kept.size(), 512U << 10U);
  EXPECT_GT(kept.size(), 500U << 10U);
  EXPECT_TRUE(text.ends_with("\n" + kept));
  ASSERT_TRUE(trim_log(file));
  EXPECT_EQ(test::read_text(file), kept);
}

}  // namespace
}  // namespace rdev::link_process
