#include "protocol/mux/mux.h"

#include <gtest/gtest.h>

#include "tests/unit/protocol/mux/pair.h"

namespace rdev::mux {
namespace {

using stream::Refusal;

TEST(Mux, OpensCarriesBothWaysAndForgets) {
  Pair pair;
  const StreamId id = pair.client.open("a request").value();
  EXPECT_EQ(consumer_of(id), Pair::kConsumer);
  EXPECT_EQ(pair.client.write(id, Lane::kData, "early"), 5u);
  pair.pump();
  EXPECT_EQ(Pair::told(pair.agent), "opened a request");
  EXPECT_EQ(pair.agent.readable(id, Lane::kData), 0u);  // not before the answer
  pair.agent.accept(id, "an answer");
  EXPECT_EQ(pair.agent.write(id, Lane::kStderr, "warned"), 6u);
  pair.agent.finish(id, Lane::kData);
  pair.pump();
  EXPECT_EQ(Pair::told(pair.client), "accepted an answer, readable 0, readable 1");
  EXPECT_EQ(Pair::told(pair.agent), "readable 0");
  EXPECT_EQ(Pair::read(pair.agent, id), "early");
  EXPECT_FALSE(pair.agent.at_end(id, Lane::kData));
  EXPECT_TRUE(pair.client.at_end(id, Lane::kData));
  EXPECT_FALSE(pair.client.at_end(id, Lane::kStderr));
  EXPECT_EQ(Pair::read(pair.client, id, Lane::kStderr), "warned");

  // Half-closed: the other direction goes on.
  EXPECT_EQ(pair.agent.write(id, Lane::kData, "behind the end"), 0u);
  EXPECT_EQ(pair.client.write(id, Lane::kData, "late"), 4u);
  pair.client.close(id);
  pair.pump();
  EXPECT_EQ(Pair::told(pair.agent), "readable 1, readable 0, readable 2");
  EXPECT_TRUE(pair.agent.closed_by_peer(id));
  EXPECT_FALSE(pair.agent.at_end(id, Lane::kData));
  EXPECT_EQ(Pair::read(pair.agent, id), "late");
  EXPECT_TRUE(pair.agent.at_end(id, Lane::kData));
  EXPECT_TRUE(pair.agent.at_end(id, Lane::kStderr));
  EXPECT_TRUE(pair.agent.at_end(id, Lane::kControl));
  EXPECT_EQ(pair.agent.streams(), 1u);
  pair.agent.close(id);
  EXPECT_EQ(pair.agent.streams(), 1u);  // its end is not sent yet
  pair.pump();
  EXPECT_EQ(pair.agent.streams() + pair.client.streams(), 0u);
  EXPECT_EQ(Pair::told(pair.agent) + Pair::told(pair.client), "");
}

TEST(Mux, WhatIsBrokenOffIsNoEnd) {
  Pair pair;
  const StreamId id = pair.client.open("").value();
  pair.pump();
  pair.agent.accept(id);
  pair.agent.write(id, Lane::kData, "half");
  pair.agent.finish(id, Lane::kStderr);
  pair.agent.break_off(id);
  EXPECT_EQ(pair.agent.write(id, Lane::kData, "more"), 0u);
  pair.agent.close(id);
  pair.pump();
  EXPECT_EQ(Pair::read(pair.client, id), "half");
  EXPECT_TRUE(pair.client.at_end(id, Lane::kData) && pair.client.at_end(id, Lane::kStderr));
  EXPECT_TRUE(pair.client.broken(id, Lane::kData));
  EXPECT_FALSE(pair.client.broken(id, Lane::kStderr));  // it had its end
  EXPECT_TRUE(pair.client.closed_by_peer(id));
  pair.client.close(id);
  pair.pump();
  EXPECT_EQ(pair.agent.streams() + pair.client.streams(), 0u);
}

TEST(Mux, ALongRequestGoesOnInFurtherFrames) {
  Pair pair;
  const std::string request = std::string(200'000, 'q') + "end";
  const StreamId id = pair.client.open(request).value();
  EXPECT_EQ(Pair::move(pair.client, pair.agent), 7);
  const auto events = Pair::events(pair.agent);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].id, id);
  EXPECT_TRUE(events[0].text == request);
  EXPECT_EQ(pair.client.open(std::string(kLargestRequest + 1, 'q')).error().code, Code::kLimit);
}

TEST(Mux, ARequestWithoutEndIsRefusedAndForgotten) {
  Pair pair;
  const std::string piece(wire::kMaxPayload, 'q');
  const StreamId id = prefix_of(Pair::kConsumer);
  for (int i = 0; i < 10; ++i) {
    const wire::Header header{
        .size = wire::kMaxPayload, .type = wire::Type::kOpen, .flags = wire::kMore, .stream = id};
    EXPECT_TRUE(pair.agent.receive({header, piece}));
    EXPECT_EQ(pair.agent.has_output(), i == 9);
  }
  EXPECT_EQ(Pair::told(pair.agent), "");
  EXPECT_EQ(pair.agent.streams(), 0u);
}

TEST(Mux, RefusesWithReasonAndSentence) {
  Pair pair;
  const StreamId id = pair.client.open("x").value();
  pair.pump();
  Pair::events(pair.agent);
  pair.agent.refuse(id, Refusal::kConnectFailed, "nobody\nlistens");
  EXPECT_EQ(pair.agent.streams(), 0u);
  pair.pump();
  const auto events = Pair::events(pair.client);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, Event::Kind::kRefused);
  EXPECT_EQ(events[0].id, id);
  EXPECT_EQ(events[0].refusal, Refusal::kConnectFailed);
  EXPECT_EQ(events[0].text, "nobody listens");
  EXPECT_EQ(pair.client.streams(), 0u);
}

TEST(Mux, StopsTheWriterAtTheWindowUntilTheReaderReads) {
  Pair pair({.windows = {1000, 100, 100}});
  const StreamId id = pair.opened();
  EXPECT_EQ(pair.client.write(id, Lane::kData, std::string(5000, 'x')), 1000u);
  EXPECT_EQ(pair.client.write(id, Lane::kData, "y"), 0u);
  EXPECT_EQ(pair.client.write(id, Lane::kStderr, "other lanes go on"), 17u);
  pair.pump();
  EXPECT_EQ(pair.client.held(), 1017u);
  EXPECT_EQ(pair.agent.held(), 1017u);
  EXPECT_EQ(Pair::told(pair.client), "");
  EXPECT_EQ(Pair::read(pair.agent, id, Lane::kData, 499).size(), 499u);
  EXPECT_FALSE(pair.agent.has_output());  // less than half a window: not worth a frame
  EXPECT_EQ(Pair::read(pair.agent, id, Lane::kData, 1).size(), 1u);
  pair.pump();
  EXPECT_EQ(Pair::told(pair.client), "writable 0");
  EXPECT_EQ(pair.client.write(id, Lane::kData, std::string(5000, 'z')), 500u);
  pair.pump();
  EXPECT_EQ(Pair::read(pair.agent, id), std::string(500, 'x') + std::string(500, 'z'));
}

TEST(Mux, KeepsNothingThatWasAcknowledged) {
  Pair pair;
  const StreamId id = pair.opened();
  pair.client.write(id, Lane::kData, "few");
  pair.pump();
  Pair::read(pair.agent, id);
  pair.pump();
  EXPECT_EQ(pair.client.held(), 3u);
  pair.agent.acknowledge();
  pair.pump();
  EXPECT_EQ(pair.client.held(), 0u);
  pair.agent.acknowledge();
  EXPECT_FALSE(pair.agent.has_output());  // once is enough
  pair.client.write(id, Lane::kData, "the last");
  pair.client.finish(id, Lane::kData);
  pair.pump();
  Pair::read(pair.agent, id);
  pair.pump();
  EXPECT_EQ(pair.client.held(), 0u);  // the end is acknowledged at once
}

TEST(Mux, ResetEndsBothWaysAtOnce) {
  Pair pair;
  const StreamId id = pair.opened();
  pair.client.write(id, Lane::kData, "unread");
  pair.pump();
  Pair::events(pair.agent);
  pair.client.reset(id, "changed my mind");
  EXPECT_EQ(pair.client.streams(), 0u);
  EXPECT_EQ(pair.client.write(id, Lane::kData, "x"), 0u);
  pair.pump();
  EXPECT_EQ(Pair::told(pair.agent), "reset changed my mind");
  EXPECT_EQ(pair.agent.streams() + pair.agent.held(), 0u);
  EXPECT_EQ(Pair::read(pair.agent, id), "");
  EXPECT_EQ(Pair::told(pair.client), "");
}

TEST(Mux, AStreamThatThePeerNeverHeardOfIsResetInSilence) {
  Pair pair;
  pair.client.reset(pair.client.open("x").value(), "why");
  EXPECT_FALSE(pair.client.has_output());
}

TEST(Mux, ResetAllTellsEveryStreamAndLeavesNothing) {
  Pair pair;
  const StreamId id = pair.opened();
  const StreamId closed = pair.opened();
  pair.client.write(id, Lane::kData, "never sent");
  pair.client.close(closed);
  pair.client.reset(pair.opened(), "the peer is not told any more");
  pair.client.open("asked").value();
  pair.client.reset_all("the connection is gone");
  EXPECT_EQ(Pair::told(pair.client), "reset the connection is gone, reset the connection is gone");
  EXPECT_EQ(pair.client.streams(), 0u);
  EXPECT_FALSE(pair.client.has_output());
  EXPECT_GT(pair.client.open("again").value() & 0xffffffff, 3u);  // no id comes twice
}

TEST(Mux, CloseDoesNotWaitForAPeerThatReadsOnlyAfterItHasWritten) {
  Pair pair({.windows = {1000, 100, 100}});
  const StreamId id = pair.opened();
  const std::string lot(5000, 'x');
  std::size_t written = pair.agent.write(id, Lane::kData, lot);
  pair.client.write(id, Lane::kData, std::string(1000, 'y'));
  pair.client.write(id, Lane::kStderr, std::string(100, 'y'));
  pair.pump();
  pair.client.write(id, Lane::kData, "cannot be sent yet");
  pair.client.close(id);
  pair.pump();
  EXPECT_TRUE(pair.agent.closed_by_peer(id));  // all of it was sent
  EXPECT_EQ(Pair::read(pair.agent, id), std::string(1000, 'y'));
  written += pair.agent.write(id, Lane::kData, lot);  // goes nowhere, but goes
  EXPECT_EQ(written, 6000u);
  pair.agent.close(id);
  pair.pump();
  EXPECT_EQ(pair.agent.streams() + pair.client.streams(), 0u);
}

TEST(Mux, ClosedWithBytesThatWaitForCreditStillTakesWhatThePeerWrites) {
  Pair pair({.windows = {1000, 100, 100}});
  const StreamId id = pair.opened();
  pair.client.write(id, Lane::kData, std::string(1000, 'a'));
  pair.pump();
  pair.agent.read(id, Lane::kData, nullptr, 0);
  EXPECT_EQ(Pair::read(pair.agent, id, Lane::kData, 600).size(), 600u);
  pair.pump();
  EXPECT_EQ(pair.client.write(id, Lane::kData, std::string(1000, 'b')), 600u);
  pair.pump();
  pair.client.close(id);
  // The agent writes ten windows before it reads.
  for (std::size_t written = 0; written < 10000;) {
    const std::size_t n = pair.agent.write(id, Lane::kData, std::string(1000, 'x'));
    ASSERT_GT(n, 0u) << written;
    written += n;
    pair.pump();
  }
  EXPECT_EQ(Pair::read(pair.agent, id).size(), 1000u);
  pair.pump();
  EXPECT_TRUE(pair.agent.at_end(id, Lane::kData));
}

TEST(Mux, AnUnansweredStreamMayBeClosed) {
  Pair pair;
  const StreamId id = pair.client.open("x").value();
  pair.client.write(id, Lane::kData, "in");
  pair.client.close(id);
  pair.pump();
  pair.agent.accept(id);
  pair.pump();
  EXPECT_TRUE(pair.agent.closed_by_peer(id));
  EXPECT_EQ(Pair::read(pair.agent, id), "in");
  pair.agent.close(id);
  pair.pump();
  EXPECT_EQ(pair.agent.streams() + pair.client.streams(), 0u);
  EXPECT_EQ(Pair::told(pair.client), "");  // it has let go before the answer
}

TEST(Mux, TheAgentOpensBelowAStreamOfItsConsumer) {
  Pair pair;
  const StreamId parent = pair.opened();
  const StreamId id = pair.agent.open("accepted", parent).value();
  EXPECT_EQ(consumer_of(id), Pair::kConsumer);
  EXPECT_NE(id & kAgentOpened, 0u);
  pair.pump();
  const auto events = Pair::events(pair.client);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, Event::Kind::kOpened);
  EXPECT_EQ(events[0].parent, parent);
  pair.client.accept(id);
  pair.client.write(id, Lane::kData, "hello");
  pair.pump();
  EXPECT_EQ(Pair::read(pair.agent, id), "hello");

  EXPECT_EQ(pair.agent.open("x", 0).error().code, Code::kClosed);
  const StreamId late = pair.agent.open("x", parent).value();
  pair.client.close(parent);
  pair.pump();
  EXPECT_EQ(pair.agent.open("x", parent).error().code, Code::kClosed);
  EXPECT_EQ(pair.agent.readable(late, Lane::kData), 0u);
  EXPECT_EQ(pair.client.streams(), 2u);  // the parent, and the first child, which lives on
}

TEST(Mux, DetachEndsTheStreamsOfOneConsumer) {
  Pair pair;
  Mux other({.side = Side::kClient, .consumer = 77});
  const StreamId mine = pair.opened();
  const StreamId its = other.open("x").value();
  Pair::move(other, pair.agent);
  Pair::events(pair.agent);
  std::string bytes;
  wire::append_frame(bytes, {.type = wire::Type::kDetach, .stream = prefix_of(77)}, "");
  wire::Decoder decoder;
  decoder.feed(bytes);
  EXPECT_TRUE(pair.agent.receive(**decoder.next()));
  EXPECT_EQ(Pair::told(pair.agent), "reset the process that used the stream is gone");
  EXPECT_EQ(pair.agent.streams(), 1u);
  EXPECT_FALSE(pair.agent.has_output());
  pair.agent.accept(its);
  EXPECT_FALSE(pair.agent.has_output());
  pair.agent.detach(Pair::kConsumer);
  EXPECT_EQ(pair.agent.write(mine, Lane::kData, "x"), 0u);
}

TEST(Mux, LimitsHowManyStreamsThereAre) {
  Pair pair({.streams = 2});
  const StreamId parent = pair.opened();
  pair.opened();
  EXPECT_EQ(pair.client.open("x").error().code, Code::kLimit);
  EXPECT_EQ(pair.agent.open("x", parent).error().code, Code::kLimit);
  EXPECT_EQ(pair.client.open(std::string(32768, 'x')).error().code, Code::kLimit);
  Mux other({.side = Side::kClient, .consumer = 77});
  other.open("x").value();
  Pair::move(other, pair.agent);
  Pair::move(pair.agent, other);
  const auto events = Pair::events(other);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].refusal, Refusal::kResourceShortage);
}

TEST(Mux, EveryStreamGetsItsTurn) {
  Pair pair;
  const StreamId a = pair.opened();
  const StreamId b = pair.opened();
  pair.client.write(a, Lane::kData, std::string(200'000, 'a'));
  pair.client.write(b, Lane::kData, "b");
  pair.client.write(a, Lane::kControl, "c");
  std::string bytes;
  pair.client.produce(bytes, wire::kMaxFrameBytes);
  EXPECT_EQ(bytes.size(), wire::kMaxFrameBytes);
  bytes.clear();
  pair.client.produce(bytes, 1);
  EXPECT_EQ(bytes.substr(bytes.size() - 1), "b");  // not behind all of a
  bytes.clear();
  pair.client.produce(bytes, 1);
  EXPECT_EQ(bytes.substr(bytes.size() - 1), "c");  // nor behind the other lane
}

}  // namespace
}  // namespace rdev::mux
