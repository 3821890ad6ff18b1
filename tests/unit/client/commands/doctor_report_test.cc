#include "client/commands/doctor_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rdev::commands {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Status = Finding::Status;

TEST(Chain, SkipsWhatComesBehindAFaultAndNamesIt) {
  Chain chain("x: ", {"one", "two", "three"});
  chain.add(ok("one", ""));
  chain.add(fault("two", "broken", "mend it"));
  const Findings found = chain.take();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[1].check, "x: two");
  EXPECT_EQ(found[2].status, Status::kSkipped);
  EXPECT_THAT(found[2].detail, HasSubstr("two"));
}

TEST(Chain, KeepsWhatWasLookedAtAllTheSame) {
  Chain chain("", {"one", "two"});
  chain.add(fault("one", "", ""));
  chain.add(warning("two", "", ""));
  EXPECT_EQ(chain.take()[1].status, Status::kWarning);
}

TEST(DoctorReport, ExitCodeIsOfFaultsOnly) {
  EXPECT_EQ(exit_code({ok("a", ""), info("b", ""), warning("c", "", ""), skipped("d", "")}), 0);
  EXPECT_EQ(exit_code({ok("a", ""), fault("b", "", "")}), 1);
}

TEST(DoctorReport, Text) {
  const Findings findings = {ok("a", "good"), fault("b", "bad\n\033[2J", "do this")};
  const std::string text = as_text(findings, Colours::kNo);
  EXPECT_THAT(text, HasSubstr("FAIL  b  bad"));
  EXPECT_THAT(text, HasSubstr("-> do this\n"));
  EXPECT_THAT(text, HasSubstr("1 fault, 0 warnings\n"));
  EXPECT_THAT(text, Not(HasSubstr("\033")));
  EXPECT_THAT(as_text(findings, Colours::kYes), HasSubstr("\033[1;31mFAIL"));
  EXPECT_THAT(as_text({ok("a", "")}, Colours::kNo), HasSubstr("all is well"));
}

TEST(DoctorReport, Json) {
  EXPECT_EQ(
      as_json({warning("a", "b\"\xff", "c"), skipped("d", "")}),
      "[{\"check\":\"a\",\"status\":\"warn\",\"detail\":\"b\\\"\xef\xbf\xbd\",\"cure\":\"c\"},"
      "{\"check\":\"d\",\"status\":\"skipped\",\"detail\":\"\",\"cure\":\"\"}]\n");
}

}  // namespace
}  // namespace rdev::commands
