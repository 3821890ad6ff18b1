#include "agent/services/greeting.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/agent/temporary.h"

namespace rdev::services {
namespace {

class Greeting : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(home_ / name) << text;
  }
  std::string greet(const std::string& note = "") const {
    return greeting({.home = home_.path(), .motd = home_ / "motd", .note = note});
  }

  test::Temporary home_;
};

TEST_F(Greeting, IsTheMessageAndTheNote) {
  EXPECT_EQ(greet(), "");
  EXPECT_EQ(greet("train ends in 2 h"), "rdev: train ends in 2 h\r\n");
  write("motd", "Hello.\n\nBe kind");
  EXPECT_EQ(greet(), "Hello.\r\n\r\nBe kind\r\n");
  EXPECT_EQ(greet("x"), "Hello.\r\n\r\nBe kind\r\nrdev: x\r\n");
}

TEST_F(Greeting, IsNothingForWhoWantsNone) {
  write("motd", "Hello.\n");
  write(".hushlogin", "");
  EXPECT_EQ(greet("x"), "");
}

TEST_F(Greeting, LeavesOutWhatIsNoMessage) {
  write("motd", std::string(std::size_t{65} * 1024, 'x'));
  EXPECT_EQ(greet(), "");
  std::filesystem::remove(home_ / "motd");
  ASSERT_EQ(::mkfifo((home_ / "motd").c_str(), 0600), 0);
  EXPECT_EQ(greet(), "") << "and does not wait for a writer";
}

}  // namespace
}  // namespace rdev::services
