#include "client/terminal/raw_mode.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "protocol/base/fd.h"

namespace rdev::terminal {
namespace {

class RawModeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    master_ = base::Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(master_) << "no terminals here";
    ASSERT_EQ(::unlockpt(master_.get()), 0);
    slave_ = base::Fd(::open(::ptsname(master_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(slave_);
    ASSERT_FALSE(is_raw());
  }
  int fd() const { return slave_.get(); }
  bool is_raw() const {
    termios modes{};
    EXPECT_EQ(::tcgetattr(slave_.get(), &modes), 0);
    return (modes.c_lflag & (ICANON | ECHO | ISIG)) == 0 && (modes.c_oflag & OPOST) == 0;
  }

 private:
  base::Fd master_, slave_;
};

TEST_F(RawModeTest, EndsWithItsScope) {
  {
    auto raw = RawMode::enter(fd());
    ASSERT_TRUE(raw);
    EXPECT_TRUE(is_raw());
    const RawMode moved = std::move(*raw);
    EXPECT_TRUE(is_raw());
  }
  EXPECT_FALSE(is_raw());
}

TEST_F(RawModeTest, ComesAgainAfterTheShellHasSetItsOwn) {
  termios shells{};
  ASSERT_EQ(::tcgetattr(fd(), &shells), 0);
  {
    const auto raw = RawMode::enter(fd());
    ASSERT_TRUE(raw);
    ASSERT_EQ(::tcsetattr(fd(), TCSANOW, &shells), 0);
    raw->again();
    EXPECT_TRUE(is_raw());
  }
  EXPECT_FALSE(is_raw());
}

TEST_F(RawModeTest, RefusesWhatIsNoTerminal) {
  const base::Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(RawMode::enter(null.get()));
  EXPECT_EQ(modes_of(null.get()), "");
  EXPECT_NE(modes_of(fd()), "");
}

using RawModeDeathTest = RawModeTest;

TEST_F(RawModeDeathTest, EndsWithTheProcess) {
  EXPECT_EXIT(
      {
        const auto raw = RawMode::enter(fd());
        ::exit(raw && is_raw() ? 7 : 1);
      },
      ::testing::ExitedWithCode(7), "");
  EXPECT_FALSE(is_raw());
}

TEST_F(RawModeDeathTest, EndsWithACrash) {
  EXPECT_EXIT(
      {
        const auto raw = RawMode::enter(fd());
        ::abort();
      },
      ::testing::KilledBySignal(SIGABRT), "");
  EXPECT_FALSE(is_raw());
}

}  // namespace
}  // namespace rdev::terminal
