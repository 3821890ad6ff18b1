// What a peer may do wrong, as a table: the fault ends its stream, here and there, and nothing
// else.
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/protocol/mux/pair.h"

namespace rdev::mux {
namespace {

using wire::Type;

constexpr StreamId kId = prefix_of(Pair::kConsumer) | 5;
constexpr StreamId kChild = kId | kAgentOpened;

std::string numbers(std::initializer_list<std::uint64_t> values) {
  std::string bytes;
  for (const std::uint64_t value : values) {
    wire::append_u64(bytes, value);
  }
  return bytes;
}

struct Raw {
  Type type{};
  StreamId id = kId;
  std::string payload;
  std::uint8_t lane = 0;
  std::uint8_t flags = 0;
};

Raw open(StreamId id = kId, StreamId parent = 0) {
  return {Type::kOpen, id, numbers({parent, 1000, 1000, 1000}) + "r"};
}
Raw data(std::uint64_t offset, std::string_view bytes, std::uint8_t flags = 0,
         std::uint8_t lane = 0) {
  return {Type::kData, kId, numbers({offset}) + std::string(bytes), lane, flags};
}
Raw credit(std::uint64_t consumed, std::uint64_t limit, std::uint8_t lane = 0) {
  return {Type::kCredit, kId, numbers({consumed, limit}), lane};
}
Raw with_id(Raw raw, StreamId id) {
  raw.id = id;
  return raw;
}

Result<void> give(Mux& mux, const Raw& raw) {
  return mux.receive({{.size = static_cast<std::uint32_t>(raw.payload.size()),
                       .type = raw.type,
                       .lane = raw.lane,
                       .flags = raw.flags,
                       .stream = raw.id},
                      raw.payload});
}

// The RESET and REFUSE frames that a mux has to send: "reset SENTENCE", "refuse 1 SENTENCE".
std::string answers(Mux& mux) {
  std::string bytes, all;
  mux.produce(bytes, ~std::size_t{0});
  wire::Decoder decoder;
  decoder.feed(bytes);
  for (auto frame = decoder.next(); frame.value(); frame = decoder.next()) {
    std::string_view text = (*frame)->payload;
    const Type type = (*frame)->header.type;
    if (type == Type::kReset || type == Type::kRefuse) {
      const auto code = wire::take_u32(text);
      all += all.empty() ? "" : ", ";
      all += type == Type::kReset ? "reset " : "refuse " + std::to_string(*code) + " ";
      all += text;
    }
  }
  return all;
}

struct Case {
  const char* name;
  std::vector<Raw> frames;
  std::string answer;  // to the peer; empty: none
  bool lives = false;  // the stream, afterwards
};

// With an open stream kId whose windows are 1000 bytes each way, to which "0123456789" was written.
const Case kOpenCases[] = {
    {"bytes in order", {data(0, "abc"), data(3, "def")}, "", true},
    {"the same again", {data(0, "abc"), data(0, "abc"), data(1, "b"), data(3, "")}, "", true},
    {"an overlap", {data(0, "abc"), data(1, "bcdef"), data(6, "g")}, "", true},
    {"empty", {data(0, ""), data(0, "")}, "", true},
    {"a gap", {data(1, "b")}, "reset bytes are missing"},
    {"a gap after bytes", {data(0, "abc"), data(4, "e")}, "reset bytes are missing"},
    {"an offset at the end of numbers", {data(~0ULL, "x")}, "reset bytes are missing"},
    {"a whole window", {data(0, std::string(1000, 'x'))}, "", true},
    {"over the limit",
     {data(0, std::string(1001, 'x'))},
     "reset more bytes than there was credit for"},
    {"over the limit, later",
     {data(0, std::string(1000, 'x')), data(1000, "x")},
     "reset more bytes than there was credit for"},
    {"no offset", {{Type::kData, kId, "1234567"}}, "reset bytes out of place"},
    {"an unknown lane", {data(0, "x", 0, 3)}, "reset bytes out of place"},
    {"an end", {data(0, "x", wire::kFin)}, "", true},
    {"an end of its own", {data(0, "x"), data(1, "", wire::kFin)}, "", true},
    {"the same end again",
     {data(0, "x", wire::kFin), data(0, "x", wire::kFin), data(1, "", wire::kFin)},
     "",
     true},
    {"bytes behind the end",
     {data(0, "x", wire::kFin), data(1, "y")},
     "reset bytes behind the end of a lane"},
    {"a later end",
     {data(0, "x", wire::kFin), data(0, "xy", wire::kFin)},
     "reset bytes behind the end of a lane"},
    {"an earlier end",
     {data(0, "xy", wire::kFin), data(0, "x", wire::kFin)},
     "reset a lane ends before its last byte"},
    {"an end before what came",
     {data(0, "xy"), data(0, "x", wire::kFin)},
     "reset a lane ends before its last byte"},
    {"unknown flags", {data(0, "x", 0xfe)}, "", true},
    {"closed",
     {data(0, "", wire::kFin, 0), data(0, "", wire::kFin, 1), data(0, "", wire::kFin, 2)},
     "",
     true},
    {"closed too early",
     {data(0, "", wire::kFin, 0), data(0, "", wire::kFin, 2)},
     "reset closed before its lanes have ended"},
    {"credit", {credit(0, 1000), credit(10, 1010), credit(10, ~0ULL)}, "", true},
    {"credit that goes back", {credit(10, 1010), credit(3, 4)}, "", true},
    {"credit for what was not sent",
     {credit(11, 1011)},
     "reset credit for bytes that were never sent"},
    {"credit on an unknown lane", {credit(0, 1000, 3)}, "reset credit out of place"},
    {"a short credit", {{Type::kCredit, kId, numbers({1})}}, "reset credit out of place"},
    {"an answer to no question",
     {{Type::kAccept, kId, numbers({1, 1, 1})}},
     "reset an answer to no question"},
    {"a late refusal",
     {{Type::kRefuse, kId, std::string("\0\0\0\1no", 6)}},
     "reset an answer to no question"},
    {"opened twice", {open()}, "reset a stream was opened twice"},
    {"reset", {{Type::kReset, kId, std::string("\0\0\0\0why", 7)}}, ""},
    {"reset without a word", {{Type::kReset, kId, ""}}, ""},
    {"frames of the unknown",
     {with_id(data(9, "x"), 99),
      with_id(credit(9, 9), 99),
      {Type::kAccept, 99, ""},
      {Type::kRefuse, 99, ""},
      {Type::kReset, 99, ""}},
     "",
     true},
    {"an unknown type", {{static_cast<Type>(31), kId, "?"}}, "", true},
};

TEST(MuxFaults, OfAnOpenStream) {
  for (const Case& c : kOpenCases) {
    SCOPED_TRACE(c.name);
    Mux agent({.side = Side::kAgent, .windows = {1000, 1000, 1000}});
    ASSERT_TRUE(give(agent, open()));
    agent.accept(kId);
    agent.write(kId, Lane::kData, "0123456789");
    ASSERT_EQ(answers(agent), "");
    Pair::events(agent);
    for (const Raw& raw : c.frames) {
      EXPECT_TRUE(give(agent, raw));  // never the connection's fault
    }
    const std::string told = Pair::told(agent);
    EXPECT_EQ(agent.streams(), c.lives ? 1u : 0u);
    EXPECT_EQ(told.find("reset") == std::string::npos, c.lives) << told;
    EXPECT_EQ(answers(agent), c.answer);
  }
}

TEST(MuxFaults, DuplicatesAreReadOnce) {
  Mux agent({.side = Side::kAgent});
  ASSERT_TRUE(give(agent, open()));
  agent.accept(kId);
  answers(agent);
  for (const Raw& raw :
       {data(0, "abc"), data(0, "abc"), data(2, "cd"), data(1, "bcdef", wire::kFin)}) {
    ASSERT_TRUE(give(agent, raw));
  }
  EXPECT_EQ(Pair::read(agent, kId), "abcdef");
  EXPECT_TRUE(agent.at_end(kId, Lane::kData));
}

struct OpenCase {
  const char* name;
  Side side;
  Raw frame;
  std::string answer;
};

TEST(MuxFaults, OfOpening) {
  const OpenCase cases[] = {
      {"ours", Side::kAgent, open(), ""},
      {"below another", Side::kAgent, open(kId + 1, kId), ""},
      {"the agent's ids", Side::kAgent, open(kChild), "refuse 1 not a stream id for you to choose"},
      {"below none", Side::kAgent, open(kId + 1, kId + 9), "refuse 1 the stream above it is over"},
      {"below another's", Side::kAgent, open(prefix_of(3) | 1, kId),
       "refuse 1 the stream above it is over"},
      {"no parent",
       Side::kAgent,
       {Type::kOpen, kId + 1, "1234567"},
       "refuse 1 a malformed request"},
      {"no limits",
       Side::kAgent,
       {Type::kOpen, kId + 1, numbers({0, 1, 1})},
       "refuse 1 a malformed request"},
      {"an empty request", Side::kAgent, {Type::kOpen, kId + 1, numbers({0, 1, 1, 1})}, ""},
      {"a child", Side::kClient, open(kChild, kId), ""},
      {"an orphan", Side::kClient, open(kChild), "refuse 1 the stream above it is over"},
      {"below nothing", Side::kClient, open(kChild, kId + 9),
       "refuse 1 the stream above it is over"},
      {"the client's ids", Side::kClient, open(kId + 1, kId),
       "refuse 1 not a stream id for you to choose"},
  };
  for (const OpenCase& c : cases) {
    SCOPED_TRACE(c.name);
    Mux mux({.side = c.side, .consumer = c.side == Side::kClient ? Pair::kConsumer : 0});
    if (c.side == Side::kAgent && c.frame.id != kId) {  // where the frame is not the stream itself
      ASSERT_TRUE(give(mux, open()));
      mux.accept(kId);
    } else if (c.side == Side::kClient) {
      for (int i = 0; i <= 5; ++i) {
        ASSERT_TRUE(mux.open("parent"));
      }
      answers(mux);
      ASSERT_TRUE(give(mux, {Type::kAccept, kId, numbers({9, 9, 9})}));
    }
    Pair::events(mux);
    answers(mux);
    EXPECT_TRUE(give(mux, c.frame));
    EXPECT_EQ(answers(mux), c.answer);
    EXPECT_EQ(Pair::told(mux).starts_with("opened"), c.answer.empty());
  }
}

TEST(MuxFaults, NothingIsTakenBeforeTheAnswer) {
  for (const Raw& raw : {data(0, "x"), credit(0, 9)}) {
    Mux agent({.side = Side::kAgent});
    ASSERT_TRUE(give(agent, open()));
    ASSERT_TRUE(give(agent, raw));
    EXPECT_EQ(Pair::told(agent).substr(0, 16), "opened r, reset ");
    EXPECT_NE(answers(agent), "");

    Mux client({.side = Side::kClient, .consumer = Pair::kConsumer});
    const StreamId id = client.open("x").value();
    answers(client);
    ASSERT_TRUE(give(client, with_id(raw, id)));
    EXPECT_EQ(client.streams(), 0u);
    EXPECT_NE(answers(client), "");
  }
}

TEST(MuxFaults, FramesOfNoConsumerAndOfAnotherOneArePassedOver) {
  Mux agent({.side = Side::kAgent});
  Mux client({.side = Side::kClient, .consumer = Pair::kConsumer});
  EXPECT_TRUE(give(agent, open(5)));
  EXPECT_TRUE(give(client, open(prefix_of(3) | kAgentOpened, kId)));
  for (Mux* mux : {&agent, &client}) {
    EXPECT_EQ(answers(*mux), "");
    EXPECT_EQ(Pair::told(*mux), "");
  }
}

TEST(MuxFaults, MalformedAnswersAndUnknownReasons) {
  Mux client({.side = Side::kClient, .consumer = Pair::kConsumer});
  const StreamId a = client.open("x").value();
  const StreamId b = client.open("x").value();
  answers(client);
  ASSERT_TRUE(give(client, {Type::kAccept, a, numbers({1, 1})}));
  EXPECT_EQ(Pair::told(client), "reset a malformed answer");
  ASSERT_TRUE(give(client, {Type::kRefuse, b, std::string("\0\0\1\0\x1b[1mno", 10)}));
  const auto events = Pair::events(client);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].refusal, stream::Refusal::kProhibited);
  EXPECT_EQ(events[0].text, " [1mno");
}

TEST(MuxFaults, DetachIsTheClientsToSay) {
  Mux client({.side = Side::kClient, .consumer = Pair::kConsumer});
  const auto received = give(client, {Type::kDetach, prefix_of(Pair::kConsumer), ""});
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().code, Code::kProtocol);
}

// A peer that makes us answer and never takes the answers.
TEST(MuxFaults, AnswersNobodyTakesEndTheConnection) {
  Mux agent({.side = Side::kAgent, .streams = 10});
  for (int i = 0; i < 1000; ++i) {
    const auto received = give(agent, open(kChild));
    if (!received) {
      EXPECT_EQ(received.error().code, Code::kLimit);
      EXPECT_GT(i, 10);
      return;
    }
  }
  FAIL() << "1000 answers are kept";
}

}  // namespace
}  // namespace rdev::mux
