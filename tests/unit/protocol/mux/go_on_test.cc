// Streams over a second connection; tests/sim does the same with cuts at any byte.
#include <gtest/gtest.h>

#include "tests/unit/protocol/mux/pair.h"

namespace rdev::mux {
namespace {

using wire::Type;

// What is on its way is lost.
void lose(Mux& from) {
  std::string lost;
  from.produce(lost, ~std::size_t{0});
}

void go_on(Pair& pair) {
  pair.client.suspend();
  pair.agent.suspend();
  EXPECT_FALSE(pair.client.has_output());
  EXPECT_FALSE(pair.agent.has_output());
  pair.client.resume();
  pair.pump();
}

Result<void> give(Mux& mux, Type type, const std::string& payload, std::uint8_t flags = 0) {
  return mux.receive({.header = {.size = static_cast<std::uint32_t>(payload.size()),
                                 .type = type,
                                 .flags = flags,
                                 .stream = prefix_of(Pair::kConsumer)},
                      .payload = payload});
}

// Of RESUME and RESUMED, without streams.
std::string head(std::uint32_t attempt, std::uint32_t index, std::uint64_t received) {
  std::string bytes;
  wire::append_u32(bytes, attempt);
  wire::append_u32(bytes, index);
  wire::append_u64(bytes, received);
  return bytes;
}

TEST(MuxGoOn, BytesThatWereOnTheirWayAreSentAgain) {
  Pair pair;
  const StreamId id = pair.opened();
  pair.client.write(id, Lane::kData, "one ");
  pair.pump();
  pair.client.write(id, Lane::kData, "two ");
  lose(pair.client);
  pair.client.write(id, Lane::kData, "three");
  pair.agent.write(id, Lane::kStderr, "loud");
  lose(pair.agent);
  go_on(pair);
  EXPECT_EQ(Pair::read(pair.agent, id), "one two three");
  EXPECT_EQ(Pair::read(pair.client, id, Lane::kStderr), "loud");
}

TEST(MuxGoOn, OpeningsAnswersAndResetsArriveOnce) {
  Pair pair;
  const StreamId reset = pair.opened();
  const StreamId asked = pair.client.open("asked").value();
  pair.client.reset(reset, "no more");
  lose(pair.client);
  go_on(pair);
  EXPECT_EQ(Pair::told(pair.agent), "opened asked, reset no more");
  pair.agent.accept(asked, "yes");
  lose(pair.agent);
  go_on(pair);
  EXPECT_EQ(Pair::told(pair.client), "accepted yes");
  go_on(pair);
  EXPECT_EQ(Pair::told(pair.client), "");
  EXPECT_EQ(Pair::told(pair.agent), "");
}

TEST(MuxGoOn, AStreamThatOnlyOneSideStillHasIsForgotten) {
  Pair pair;
  const StreamId id = pair.opened();
  pair.client.close(id);
  pair.pump();
  pair.agent.close(id);
  lose(pair.agent);  // it has forgotten the stream
  EXPECT_EQ(pair.agent.streams(), 0u);
  EXPECT_EQ(pair.client.streams(), 1u);
  go_on(pair);
  EXPECT_EQ(pair.client.streams(), 0u);
}

TEST(MuxGoOn, BytesThatGotLostAndNobodyReadsAreNotMissed) {
  Pair pair;
  const StreamId id = pair.opened();
  pair.client.write(id, Lane::kData, "lost");
  lose(pair.client);
  pair.agent.close(id);
  Pair::move(pair.agent, pair.client);
  go_on(pair);
  pair.client.close(id);
  Pair::move(pair.client, pair.agent);
  EXPECT_EQ(pair.agent.streams(), 0u);
  EXPECT_FALSE(pair.agent.has_output());  // no RESET
}

TEST(MuxGoOn, NothingIsTakenBeforeTheAnswer) {
  Pair pair;
  const StreamId id = pair.opened();
  pair.agent.write(id, Lane::kData, "early");
  std::string early;
  pair.agent.produce(early, 1000);
  pair.client.suspend();
  wire::Decoder decoder;
  decoder.feed(early);
  EXPECT_TRUE(pair.client.receive(**decoder.next()));
  EXPECT_EQ(pair.client.readable(id, Lane::kData), 0u);
  pair.agent.suspend();
  pair.client.resume();
  pair.pump();
  EXPECT_EQ(Pair::read(pair.client, id), "early");
}

// Two connections died in a row: the answer to the first question comes over the second.
TEST(MuxGoOn, AnAnswerToAnOlderQuestionDoesNotCount) {
  Pair pair;
  const StreamId id = pair.opened();
  pair.client.resume();
  Pair::move(pair.client, pair.agent);
  pair.client.resume();
  pair.client.write(id, Lane::kData, "x");
  Pair::move(pair.agent, pair.client);
  std::string out;
  pair.client.produce(out, 1000);
  EXPECT_EQ(static_cast<Type>(out[4]), Type::kResume);
  EXPECT_FALSE(pair.client.has_output());
}

TEST(MuxGoOn, AnAgentThatKnowsNothingSaysSo) {
  Pair pair;
  pair.opened();
  Mux other({.side = Side::kAgent});
  pair.client.resume();
  Pair::move(pair.client, other);
  std::string answer;
  other.produce(answer, 1000);
  wire::Decoder decoder;
  decoder.feed(answer);
  const auto received = pair.client.receive(**decoder.next());
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().code, Code::kNotFound);
}

// Who has heard nothing of an agent asks any.
TEST(MuxGoOn, AnAgentThatKnowsNothingTakesWhoHasNotBegun) {
  Pair pair;
  const StreamId id = pair.client.open("request").value();
  lose(pair.client);
  go_on(pair);
  EXPECT_EQ(Pair::told(pair.agent), "opened request");
  pair.agent.accept(id);
  pair.pump();
  EXPECT_EQ(Pair::told(pair.client), "accepted");
}

TEST(MuxGoOn, ManyStreamsTakeSeveralFrames) {
  Pair pair;
  std::vector<StreamId> ids;
  for (int i = 0; i < 1000; ++i) {
    ids.push_back(pair.opened());
    pair.client.write(ids.back(), Lane::kData, std::to_string(i));
  }
  lose(pair.client);
  go_on(pair);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(Pair::read(pair.agent, ids[static_cast<std::size_t>(i)]), std::to_string(i));
  }
}

TEST(MuxGoOn, WhatWasAcknowledgedIsNotKept) {
  Pair pair;
  for (int i = 0; i < 10'000; ++i) {
    pair.client.reset(pair.opened(), "next");
  }
  pair.pump();
  EXPECT_EQ(pair.agent.streams(), 0u);  // and nobody complains of frames that add up
}

TEST(MuxGoOn, FaultsOfThePeer) {
  struct Case {
    const char* name;
    Type type;
    std::string payload;
  };
  const Case cases[] = {
      {"too short", Type::kResumed, "123"},
      {"half a stream", Type::kResumed, head(1, 0, 0) + "1234"},
      {"more than was sent", Type::kResumed, head(1, 0, 99)},
      {"acknowledged more than was sent", Type::kAcknowledge, std::string(7, '\0') + "\x63"},
      {"a short acknowledgement", Type::kAcknowledge, "1"},
      {"RESUME from an agent", Type::kResume, head(1, 0, 0)},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Pair pair;
    pair.opened();
    if (c.type == Type::kResumed) {
      pair.client.resume();
    }
    const auto received = give(pair.client, c.type, c.payload, wire::kKnown);
    ASSERT_FALSE(received);
    EXPECT_EQ(received.error().code, Code::kProtocol);
  }
}

TEST(MuxGoOn, APieceThatIsMissingMakesNothingWhole) {
  Pair pair;
  pair.opened();
  pair.client.resume();
  EXPECT_TRUE(give(pair.client, Type::kResumed, head(1, 1, 0), wire::kKnown));
  EXPECT_TRUE(give(pair.client, Type::kResumed, head(1, 0, 0), wire::kKnown | wire::kMore));
  EXPECT_TRUE(give(pair.client, Type::kResumed, head(1, 2, 0), wire::kKnown));
  pair.client.open("x").value();
  lose(pair.client);  // RESUME
  EXPECT_FALSE(pair.client.has_output());
}

}  // namespace
}  // namespace rdev::mux
