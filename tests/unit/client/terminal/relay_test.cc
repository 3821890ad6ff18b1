#include "client/terminal/relay.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <utility>

#include "protocol/base/fd.h"
#include "protocol/stream/fake.h"
#include "tests/unit/client/temp_dir.h"
#include "tests/unit/client/terminal/pipe.h"
#include "tests/unit/run.h"

namespace rdev::terminal {
namespace {

using stream::Lane;
using stream::Stream;

using test::lend;
using test::Pipe;
using test::put;
using test::read_all;

awaitable<std::string> get(Stream& stream, std::size_t enough) {
  std::string text;
  char buffer[4096];
  while (text.size() < enough) {
    const auto n = co_await stream.read(asio::buffer(buffer));
    if (!n || *n == 0) {
      break;
    }
    text.append(buffer, *n);
  }
  co_return text;
}

awaitable<void> run_relay(Relay& relay, Result<SessionEnd>& end) { end = co_await relay.run(); }

// A relay between three pipes and the near end of a stream in memory. A test plays the agent at
// the far end.
class RelayTest : public ::testing::Test {
 protected:
  RelayTest() : signals_(loop_) {
    add_relayed_signals(signals_);
    auto [near, far] = stream::make_pair(loop_.get_executor());
    near_ = std::move(near);
    far_ = std::move(far);
    options_ = {.in = lend(std::move(in_.read)), .out = out_.write.get(), .err = err_.write.get()};
  }

  using Agent = awaitable<void> (*)(RelayTest& test);
  // Runs the relay against `agent` until both have ended.
  Result<SessionEnd> play(Agent agent) {
    Relay relay(loop_.get_executor(), std::move(near_), signals_, options_);
    Result<SessionEnd> end = fail(Code::kFailed, "still running");
    bool relay_done = false;
    asio::co_spawn(loop_, run_relay(relay, end), [&](const std::exception_ptr& thrown) {
      EXPECT_FALSE(thrown);
      relay_done = true;
    });
    test::run(loop_, agent(*this));
    while (!relay_done && loop_.run_one() > 0) {
    }
    return end;
  }
  int code(Agent agent) {
    const auto end = play(agent);
    EXPECT_TRUE(end) << end.error().message;
    return end ? end->code : -1;
  }

 public:
  Stream& stream() { return *far_; }
  // As the agent ends a session.
  void exit(stream::Event event) {
    far_->send_event(std::move(event));
    far_->write_eof();
    far_->close();
  }
  void drop() { far_.reset(); }

  asio::io_context loop_;
  asio::signal_set signals_;
  RelayOptions options_;
  Pipe in_, out_, err_;
  std::unique_ptr<Stream> near_, far_;
};

awaitable<void> write_text(Stream& stream, std::string text, Lane lane = Lane::kData) {
  const auto written = co_await stream.write(asio::buffer(text), lane);
  EXPECT_TRUE(written) << written.error().message;
}

TEST_F(RelayTest, KeepsOutputAndErrorsApart) {
  EXPECT_EQ(code([](RelayTest& t) -> awaitable<void> {
              co_await write_text(t.stream(), "out");
              co_await write_text(t.stream(), "err", Lane::kStderr);
              t.exit(stream::ExitStatus{.code = 7});
            }),
            7);
  out_.write.reset();
  err_.write.reset();
  EXPECT_EQ(read_all(out_.read.get()), "out");
  EXPECT_EQ(read_all(err_.read.get()), "err");
}

// Its own pipe would be full: what the relay still has when the exit code is known must be
// written.
TEST_F(RelayTest, WritesAllOutputBeforeItEnds) {
  std::string got;
  std::thread reader([&] { got = read_all(out_.read.get()); });
  EXPECT_EQ(code([](RelayTest& t) -> awaitable<void> {
              for (int i = 0; i < 40; ++i) {
                co_await write_text(t.stream(), std::string(100'000, static_cast<char>('a' + i)));
              }
              t.exit(stream::ExitStatus{});
            }),
            0);
  out_.write.reset();
  reader.join();
  ASSERT_EQ(got.size(), 4'000'000U);
  EXPECT_EQ(got.back(), static_cast<char>('a' + 39));
}

TEST_F(RelayTest, PassesTheInputsEndOnAndWaitsForTheCommand) {
  put(in_.write.get(), "question");
  in_.write.reset();
  EXPECT_EQ(code([](RelayTest& t) -> awaitable<void> {
              const std::string got = co_await get(t.stream(), 1000);
              EXPECT_EQ(got, "question");
              co_await write_text(t.stream(), "answer");
              t.exit(stream::ExitStatus{});
            }),
            0);
  out_.write.reset();
  EXPECT_EQ(read_all(out_.read.get()), "answer");
}

TEST_F(RelayTest, EndsWithTheCommandAlthoughTheInputGoesOn) {
  EXPECT_EQ(code([](RelayTest& t) -> awaitable<void> {
              t.exit(stream::ExitSignal{.name = "TERM", .message = {}});
              co_return;
            }),
            143);
}

TEST_F(RelayTest, AnOutputThatEndsEarlyIsClosed) {
  EXPECT_EQ(code([](RelayTest& t) -> awaitable<void> {
              co_await write_text(t.stream(), "all");
              t.stream().write_eof();
              // The pipe's end is seen while the session goes on.
              Input reader(t.loop_.get_executor(), lend(std::move(t.out_.read)));
              const auto text = co_await reader.next();
              EXPECT_EQ(text.value(), "all");
              const auto end = co_await reader.next();
              EXPECT_EQ(end.value(), "");
              t.exit(stream::ExitStatus{.code = 3});
            }),
            3);
}

TEST_F(RelayTest, LeavesStderrOpenForOurselves) {
  EXPECT_EQ(code([](RelayTest& t) -> awaitable<void> {
              t.exit(stream::ExitStatus{});
              co_return;
            }),
            0);
  put(err_.write.get(), "rdev: …");
  err_.write.reset();
  EXPECT_EQ(read_all(err_.read.get()), "rdev: …");
}

TEST_F(RelayTest, ALostStreamIsAnErrorAfterWhatCame) {
  const auto end = play([](RelayTest& t) -> awaitable<void> {
    co_await write_text(t.stream(), "some");
    t.drop();
  });
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::kClosed);
  out_.write.reset();
  EXPECT_EQ(read_all(out_.read.get()), "some");
}

TEST_F(RelayTest, AReaderThatHasGoneEndsTheSession) {
  out_.read.reset();
  EXPECT_EQ(code([](RelayTest& t) -> awaitable<void> {
              co_await write_text(t.stream(), "x");
              const auto event = co_await t.stream().read_event();
              EXPECT_FALSE(event);  // closed
            }),
            141);
}

TEST_F(RelayTest, OutputThatCannotBeWrittenIsNoSuccess) {
  const base::Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  options_.out = full.get();
  const auto end = play([](RelayTest& t) -> awaitable<void> {
    co_await write_text(t.stream(), "x");
    t.exit(stream::ExitStatus{});
  });
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 1);
  EXPECT_EQ(end->remark, "cannot write the output: No space left on device");
}

TEST_F(RelayTest, InputThatCannotBeReadIsNoEnd) {
  const test::TempDir directory;
  options_.in = lend(base::Fd(::open(directory.path().c_str(), O_RDONLY | O_CLOEXEC)));
  const auto end = play([](RelayTest& t) -> awaitable<void> {
    const auto event = co_await t.stream().read_event();
    EXPECT_FALSE(event);
  });
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 1);
  EXPECT_EQ(end->remark, "cannot read the input: Is a directory");
}

TEST_F(RelayTest, PassesSignalsOn) {
  EXPECT_EQ(code([](RelayTest& t) -> awaitable<void> {
              for (const auto& [number, name] : {std::pair{SIGINT, "INT"},
                                                 {SIGTERM, "TERM"},
                                                 {SIGHUP, "HUP"},
                                                 {SIGQUIT, "QUIT"},
                                                 {SIGUSR1, "USR1"},
                                                 {SIGUSR2, "USR2"}}) {
                ::raise(number);
                const auto event = co_await t.stream().read_event();
                EXPECT_TRUE(event);
                EXPECT_EQ(std::get<stream::Signal>(*event).name, name);
              }
              t.exit(stream::ExitStatus{});
            }),
            0);
}

// With a terminal of its own as input and output.
class RelayTerminalTest : public RelayTest {
 protected:
  void SetUp() override {
    master_ = base::Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(master_) << "no terminals here";
    ASSERT_EQ(::unlockpt(master_.get()), 0);
    slave_ = base::Fd(::open(::ptsname(master_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(slave_);
    resize(80, 24);
    options_ = {.in = lend(base::Fd(::dup(slave_.get()))),
                .out = slave_.get(),
                .err = slave_.get(),
                .terminal = true,
                .raw = true};
  }

 public:
  bool is_raw() const {
    termios modes{};
    EXPECT_EQ(::tcgetattr(slave_.get(), &modes), 0);
    return (modes.c_lflag & (ICANON | ECHO | ISIG)) == 0;
  }
  void resize(unsigned short columns, unsigned short rows) const {
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    ASSERT_EQ(::ioctl(slave_.get(), TIOCSWINSZ, &size), 0);
  }
  void type(std::string_view keys) const { put(master_.get(), keys); }

  base::Fd master_, slave_;
};

RelayTerminalTest& on_terminal(RelayTest& test) { return dynamic_cast<RelayTerminalTest&>(test); }

TEST_F(RelayTerminalTest, PassesKeysAsTheyAre) {
  EXPECT_EQ(code([](RelayTest& t) -> awaitable<void> {
              RelayTerminalTest& terminal = on_terminal(t);
              EXPECT_TRUE(terminal.is_raw());
              terminal.type("\x03\x1a\x04");
              const std::string got = co_await get(t.stream(), 3);
              EXPECT_EQ(got, "\x03\x1a\x04");
              t.exit(stream::ExitStatus{});
            }),
            0);
  EXPECT_FALSE(is_raw());
}

TEST_F(RelayTerminalTest, TheEscapeEndsIt) {
  const auto end = play([](RelayTest& t) -> awaitable<void> {
    on_terminal(t).type("ls\r~.");
    const std::string got = co_await get(t.stream(), 1000);
    EXPECT_EQ(got, "ls\r");
  });
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 255);
  EXPECT_EQ(end->remark, "ended by ~.");
  EXPECT_FALSE(is_raw());
}

TEST_F(RelayTerminalTest, SigtermEndsIt) {
  EXPECT_EQ(code([](RelayTest& t) -> awaitable<void> {
              ::raise(SIGTERM);
              const auto event = co_await t.stream().read_event();
              EXPECT_FALSE(event);
            }),
            143);
  EXPECT_FALSE(is_raw());
}

TEST_F(RelayTerminalTest, ATerminalThatIsGoneEndsIt) {
  EXPECT_EQ(code([](RelayTest& t) -> awaitable<void> {
              on_terminal(t).master_.reset();
              const auto event = co_await t.stream().read_event();
              EXPECT_FALSE(event);
            }),
            129);
}

TEST_F(RelayTerminalTest, TellsOfANewSizeOnce) {
  EXPECT_EQ(code([](RelayTest& t) -> awaitable<void> {
              ::raise(SIGWINCH);  // no change
              on_terminal(t).resize(132, 50);
              ::raise(SIGWINCH);
              const auto event = co_await t.stream().read_event();
              EXPECT_TRUE(event);
              const auto& size = std::get<stream::WindowChange>(*event);
              EXPECT_EQ(size.columns, 132U);
              EXPECT_EQ(size.rows, 50U);
              ::raise(SIGUSR1);
              const auto next = co_await t.stream().read_event();
              EXPECT_TRUE(next && std::holds_alternative<stream::Signal>(*next));
              t.exit(stream::ExitStatus{});
            }),
            0);
}

}  // namespace
}  // namespace rdev::terminal
