#include "client/terminal/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "protocol/base/fd.h"
#include "tests/unit/client/temp_dir.h"
#include "tests/unit/client/terminal/pipe.h"
#include "tests/unit/run.h"

namespace rdev::terminal {
namespace {

awaitable<void> send(Output& output, std::string_view text, Result<void>& outcome) {
  while (!text.empty()) {
    const auto room = co_await output.room();
    if (!room) {
      outcome = tl::make_unexpected(room.error());
      co_return;
    }
    const std::size_t n = std::min(text.size(), room->size());
    std::memcpy(room->data(), text.data(), n);
    outcome = output.commit(n);
    text.remove_prefix(n);
  }
  outcome = co_await output.flush();
}

Result<void> send_all(int fd, std::string_view text) {
  asio::io_context loop;
  Output output(loop.get_executor(), fd);
  Result<void> outcome;
  test::run(loop, send(output, text, outcome));
  return outcome;
}

base::Fd open_for_writing(const std::filesystem::path& path) {
  return base::Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

TEST(Output, WritesAllToAFile) {
  const test::TempDir directory;
  const std::filesystem::path path = directory.path() / "file";
  const std::string text(5 * kPieceBytes + 1, 'x');
  const base::Fd file = open_for_writing(path);
  EXPECT_TRUE(send_all(file.get(), text));
  EXPECT_TRUE(test::read_text(path) == text);
}

TEST(Output, WritesInOrderAndWaitsForTheReader) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const base::Fd read_end(ends[0]);
  base::Fd write_end(ends[1]);
  std::string text;
  for (unsigned i = 0; text.size() < 20 * kPieceBytes; ++i) {
    text += std::to_string(i) + '\n';
  }
  const int before = ::fcntl(write_end.get(), F_GETFL);
  std::string got;
  std::thread reader([&] { got = test::read_all(read_end.get()); });
  EXPECT_TRUE(send_all(write_end.get(), text));
  EXPECT_EQ(::fcntl(write_end.get(), F_GETFL), before);
  write_end.reset();
  reader.join();
  EXPECT_TRUE(got == text);
}

awaitable<void> fill(Output& output, int pieces, int& filled) {
  for (filled = 0; filled < pieces; ++filled) {
    const auto room = co_await output.room();
    EXPECT_TRUE(room);
    std::memset(room->data(), 'x', room->size());
    EXPECT_TRUE(output.commit(room->size()));
  }
}

TEST(Output, HoldsTwoPiecesOfWhatASlowReaderLeaves) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const base::Fd read_end(ends[0]);
  base::Fd write_end(ends[1]);
  asio::io_context loop;
  Output output(loop.get_executor(), write_end.get());
  int filled = 0;
  asio::co_spawn(loop, fill(output, 10, filled), [](const std::exception_ptr&) {});
  loop.poll();
  EXPECT_EQ(filled, 2);
  std::size_t got = 0;
  std::thread reader([&] { got = test::read_all(read_end.get()).size(); });
  loop.run();
  EXPECT_EQ(filled, 10);
  Result<void> outcome;
  test::run(loop, send(output, {}, outcome));
  EXPECT_TRUE(outcome);
  write_end.reset();
  reader.join();
  EXPECT_EQ(got, 10 * kPieceBytes);
}

TEST(Output, AReaderThatHasGoneIsAnErrorAndNoSignal) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  const base::Fd write_end(ends[1]);
  const auto outcome = send_all(write_end.get(), "text");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kClosed);
}

TEST(Output, SaysWhyItCannotWrite) {
  const base::Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const auto outcome = send_all(full.get(), std::string(3 * kPieceBytes, 'x'));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "cannot write the output: No space left on device");
}

}  // namespace
}  // namespace rdev::terminal
