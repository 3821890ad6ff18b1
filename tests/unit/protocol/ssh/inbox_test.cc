#include "protocol/ssh/inbox.h"

#include <gtest/gtest.h>

namespace rdev::ssh {
namespace {

using stream::Lane;

std::string take(Inbox& inbox, Lane lane, std::size_t size) {
  std::string bytes(size, '\0');
  bytes.resize(inbox.take(lane, bytes.data(), size));
  return bytes;
}

TEST(Inbox, BoundsBothLanesTogether) {
  Inbox inbox(10);
  EXPECT_TRUE(inbox.put(Lane::kData, "123456"));
  EXPECT_FALSE(inbox.put(Lane::kStderr, "12345"));
  EXPECT_TRUE(inbox.put(Lane::kStderr, "1234"));
  EXPECT_FALSE(inbox.put(Lane::kData, "1"));
  EXPECT_EQ(take(inbox, Lane::kData, 100), "123456");
  EXPECT_EQ(take(inbox, Lane::kStderr, 2), "12");
  EXPECT_FALSE(inbox.put(Lane::kData, "1"));  // read, but not yet given back
  EXPECT_EQ(inbox.take_credit(), 8u);
  EXPECT_TRUE(inbox.put(Lane::kData, "12345678"));
  EXPECT_FALSE(inbox.put(Lane::kData, "1"));
}

TEST(Inbox, CreditComesInStepsAndNeverExceedsTheWindow) {
  constexpr std::uint32_t kWindow = 2 * 1024 * 1024, kStep = kWindow / 8;
  Inbox inbox(kWindow);
  const std::string chunk(30'000, 'x');
  std::size_t sent = 0, credit = kWindow;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(inbox.put(Lane::kData, chunk));
    sent += chunk.size();
    EXPECT_EQ(take(inbox, Lane::kData, chunk.size()), chunk);
    const std::uint32_t step = inbox.take_credit();
    EXPECT_TRUE(step == 0 || (step >= kStep && step < kStep + 30'000)) << step;
    credit += step;
    EXPECT_LE(credit - sent, kWindow);
    EXPECT_GT(credit - sent, kWindow - kStep);
  }
}

TEST(Inbox, AWiderWindowIsToldAtOnce) {
  Inbox inbox(1000);
  ASSERT_TRUE(inbox.put(Lane::kData, "12345"));
  inbox.widen(500);  // it is no less
  EXPECT_EQ(inbox.take_credit(), 0u);
  inbox.widen(1'000'000);
  EXPECT_EQ(inbox.take_credit(), 999'000u);
  EXPECT_TRUE(inbox.skip(999'995));
  EXPECT_FALSE(inbox.skip(1));
}

TEST(Inbox, DroppedBytesStayBounded) {
  Inbox inbox(10);
  ASSERT_TRUE(inbox.put(Lane::kData, "12345"));
  inbox.drop();
  EXPECT_TRUE(inbox.empty(Lane::kData));
  EXPECT_TRUE(inbox.put(Lane::kData, "12345"));
  EXPECT_FALSE(inbox.put(Lane::kData, "1"));
  EXPECT_TRUE(inbox.empty(Lane::kData));
}

}  // namespace
}  // namespace rdev::ssh
