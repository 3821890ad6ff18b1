#include "agent/process/signals.h"

#include <gtest/gtest.h>

#include <csignal>

namespace rdev::process {
namespace {

TEST(Signals, NamesGoBothWays) {
  EXPECT_EQ(signal_number("TERM"), SIGTERM);
  EXPECT_EQ(signal_number("SIGTERM"), SIGTERM);
  EXPECT_EQ(signal_number("WINCH"), SIGWINCH);
  EXPECT_EQ(signal_number("term"), std::nullopt);
  EXPECT_EQ(signal_number(""), std::nullopt);
  EXPECT_EQ(signal_name(SIGKILL), "KILL");
  EXPECT_EQ(signal_name(SIGSYS), "SYS@rdev");
  EXPECT_EQ(signal_name(40), "40@rdev");
}

}  // namespace
}  // namespace rdev::process
