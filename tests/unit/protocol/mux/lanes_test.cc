#include <gtest/gtest.h>

#include "protocol/mux/chunks.h"
#include "protocol/mux/in_lane.h"
#include "protocol/mux/out_lane.h"

namespace rdev::mux {
namespace {

TEST(Chunks, CopiesAheadOfWhatItDrops) {
  Chunks chunks;
  std::string in, copied;
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::string piece(i * 37 % 5000, static_cast<char>('a' + i % 26));
    chunks.append(piece);
    in += piece;
    const std::size_t n = std::min(i * 91 % 6000, in.size() - copied.size());
    chunks.copy_next(copied, n);
    const std::size_t gone = std::min(i * 53 % 7000, copied.size() - dropped);
    chunks.drop(gone);
    dropped += gone;
    ASSERT_EQ(chunks.size(), in.size() - dropped);
  }
  chunks.copy_next(copied, in.size() - copied.size());
  EXPECT_EQ(in, copied);
  chunks.drop(chunks.size());
  chunks.append("after it was empty");
  copied.clear();
  chunks.copy_next(copied, 5);
  EXPECT_EQ(copied, "after");
  chunks.clear();
  EXPECT_TRUE(chunks.empty());
  chunks.append("new");
  chunks.copy_next(copied, 3);
  EXPECT_EQ(copied, "afternew");
}

TEST(Chunks, TakesInAnyPieces) {
  Chunks chunks;
  std::string in, out;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::string piece(i * 37 % 5000, static_cast<char>('a' + i % 26));
    chunks.append(piece);
    in += piece;
    char buffer[4000];
    out.append(buffer, chunks.take(buffer, i * 91 % sizeof buffer));
    ASSERT_EQ(chunks.size(), in.size() - out.size());
  }
  while (!chunks.empty()) {
    char buffer[777];
    out.append(buffer, chunks.take(buffer, sizeof buffer));
  }
  EXPECT_EQ(in, out);
}

struct CreditCase {
  std::uint64_t window, read;
  bool due;
};

TEST(InLane, CreditIsDueBeforeTheSenderRunsDry) {
  for (const CreditCase& c : std::initializer_list<CreditCase>{{1, 1, true},
                                                               {2, 1, true},
                                                               {1000, 499, false},
                                                               {1000, 500, true},
                                                               {1U << 21U, (1U << 18U) - 1, false},
                                                               {1U << 21U, 1U << 18U, true},
                                                               {1U << 18U, 65535, false},
                                                               {1U << 18U, 65536, true}}) {
    InLane lane(c.window);
    ASSERT_TRUE(lane.data(0, std::string(c.window, 'x'), InLane::End::kNone));
    std::string out(c.read, '\0');
    lane.read(out.data(), out.size());
    EXPECT_EQ(lane.credit_due(), c.due) << c.window << " " << c.read;
    EXPECT_TRUE(lane.credit_owed());
    const auto credit = lane.take_credit();
    EXPECT_EQ(credit.consumed, c.read);
    EXPECT_EQ(credit.limit, c.read + c.window);
    EXPECT_FALSE(lane.credit_due() || lane.credit_owed());
  }
}

TEST(InLane, CreditIsDueOnceAllWasRead) {
  InLane lane(1000);
  ASSERT_TRUE(lane.data(0, "ab", InLane::End::kEnd));
  char c[2];
  lane.read(c, 1);
  EXPECT_FALSE(lane.credit_due());
  lane.read(c, 1);
  EXPECT_TRUE(lane.credit_due());
}

TEST(OutLane, SendsUpToTheLimitAndTheEndWithTheLastBytes) {
  OutLane lane(10);
  EXPECT_EQ(lane.write("0123456789ab"), 10u);
  EXPECT_FALSE(lane.sendable(true));  // no limit yet
  lane.raise_limit(4);
  lane.raise_limit(2);  // goes only up
  std::string out;
  lane.produce(out, 1, Lane::kData, true, wire::kMaxFrameBytes);
  EXPECT_EQ(out.substr(24), "0123");
  EXPECT_FALSE(lane.sendable(true));
  ASSERT_TRUE(lane.credit(4, 14));
  EXPECT_TRUE(lane.take_writable());
  EXPECT_FALSE(lane.take_writable());
  lane.finish();
  out.clear();
  lane.produce(out, 1, Lane::kData, true, wire::kMaxFrameBytes);
  EXPECT_EQ(out.substr(24), "456789");
  EXPECT_EQ(out[6], wire::kFin);
  EXPECT_TRUE(lane.end_sent());
  EXPECT_FALSE(lane.sendable(true));
  EXPECT_EQ(lane.held(), 6u);  // until the peer has read
}

TEST(OutLane, AnEndThatMustWaitComesAlone) {
  OutLane lane(10);
  lane.raise_limit(10);
  lane.write("x");
  lane.finish();
  std::string out;
  lane.produce(out, 1, Lane::kControl, false, wire::kMaxFrameBytes);
  EXPECT_EQ(out[6], 0);
  EXPECT_FALSE(lane.sendable(false));
  EXPECT_TRUE(lane.sendable(true));
}

// Else it would wait for the second after which small remainders are acknowledged.
TEST(OutLane, SaysThatItIsFullAlsoWhereItHasSaidThatItHadNoCredit) {
  Memory memory(1 << 20, nullptr, 100);
  OutLane lane(300, 300, &memory);
  lane.raise_limit(300);
  ASSERT_EQ(lane.write(std::string(400, 'x')), 300u);
  std::string out;
  lane.produce(out, 1, Lane::kData, false, wire::kMaxFrameBytes);
  EXPECT_EQ(out[6], wire::kStarved);
  EXPECT_FALSE(lane.sendable(false));
  memory.set(0, 1 << 20);  // others take all
  ASSERT_TRUE(lane.credit(200, 500));
  EXPECT_FALSE(lane.take_writable());
  ASSERT_TRUE(lane.sendable(false));
  out.clear();
  lane.produce(out, 1, Lane::kData, false, wire::kMaxFrameBytes);
  EXPECT_EQ(out[6], wire::kFull);
  EXPECT_EQ(out.size(), 24u);
  EXPECT_FALSE(lane.sendable(false));
  ASSERT_TRUE(lane.credit(300, 500));
  EXPECT_TRUE(lane.take_writable());
  memory.set(1 << 20, 0);
}

}  // namespace
}  // namespace rdev::mux
