#include "agent/link/hello.h"

#include "tests/unit/agent/link/link_lab.h"

namespace rdev::agent_link {
namespace {

struct Refused {
  const char* name;
  std::function<void(Hello&)> change;
  const char* why;
};

const Refused kRefused[] = {
    {"Newer", [](Hello& hello) { hello.set_major(2); },
     "this agent speaks link protocol 1 (rdev-agent 0.1.0), you speak 2 (rdev 0.3.0): start the "
     "job "
     "anew with rdev down and rdev up"},
    {"Older", [](Hello& hello) { hello.clear_major(); },
     "this agent speaks link protocol 1 (rdev-agent 0.1.0), you speak 0 (rdev 0.3.0): install a "
     "newer rdev"},
    {"NewerInEveryField",
     [](Hello& hello) {
       hello.Clear();
       hello.set_major(9);
       hello.set_program("rdev\n\x1b[2J\xc3\xa9");
     },
     "you speak 9 (rdev?\?[2J?\?): "},
    {"OtherJob", [](Hello& hello) { hello.set_job_name("yours"); },
     "this is the agent of the job mine, not of yours"},
    {"ShortId", [](Hello& hello) { hello.set_session_id("short"); }, "16 bytes"},
    {"ShortSecret", [](Hello& hello) { hello.set_session_secret(std::string(31, 's')); }, "32"},
    {"NoSecret", [](Hello& hello) { hello.clear_session_secret(); }, "32"},
};

class HelloRefused : public LinksTest, public testing::WithParamInterface<Refused> {};

TEST_P(HelloRefused, WithAReason) {
  Hello hello = good_hello();
  GetParam().change(hello);
  Laptop& laptop = connect(hello);
  ended(laptop);
  EXPECT_THAT(laptop.goodbye, HasSubstr(GetParam().why));
  EXPECT_FALSE(laptop.welcome);
}

INSTANTIATE_TEST_SUITE_P(All, HelloRefused, testing::ValuesIn(kRefused),
                         [](const auto& info) { return info.param.name; });

std::string frame(wire::Type type, std::string_view payload, std::uint64_t stream = 0) {
  std::string bytes;
  wire::append_frame(bytes, {.type = type, .stream = stream}, payload);
  return bytes;
}

awaitable<void> say(stream::Stream& carrier, std::string bytes, bool eof) {
  EXPECT_TRUE(co_await carrier.write(asio::buffer(bytes)));
  if (eof) {
    carrier.write_eof();
  }
}

struct Bytes {
  const char* name;
  std::string bytes;
  bool eof;
  const char* why;
};

const Bytes kNoHello[] = {
    {"Nothing", "", true, "before a whole HELLO"},
    {"HalfAHeader", std::string(7, '\0'), true, "before a whole HELLO"},
    {"HalfAHello", frame(wire::Type::kHello, good_hello().SerializeAsString()).substr(0, 30), true,
     "before a whole HELLO"},
    {"Http", "GET / HTTP/1.0\r\n\r\n", false, "no HELLO: too long"},
    {"TooLong", frame(wire::Type::kHello, std::string(kMaxHello + 1, 'x')), false, "too long"},
    {"Heartbeat", frame(wire::Type::kHeartbeat, ""), false, "must be HELLO"},
    {"Open", frame(wire::Type::kOpen, std::string(32, '\0'), 1), false, "must be HELLO"},
    {"HelloOfAStream", frame(wire::Type::kHello, good_hello().SerializeAsString(), 5), false,
     "must be HELLO"},
    {"NoMessage", frame(wire::Type::kHello, "\xff\xff\xff"), false, "cannot be read"},
    {"NameThatIsNoText", frame(wire::Type::kHello, "\x22\x02\xff\xff"), false, "cannot be read"},
};

class NoHello : public LinksTest, public testing::WithParamInterface<Bytes> {};

TEST_P(NoHello, IsTurnedAway) {
  const auto carrier = dial();
  run(say(*carrier, GetParam().bytes, GetParam().eof));
  const std::string answer = all_of(*carrier);
  EXPECT_EQ(answer.at(4), 3);  // GOODBYE
  EXPECT_THAT(answer, HasSubstr(GetParam().why));
}

INSTANTIATE_TEST_SUITE_P(All, NoHello, testing::ValuesIn(kNoHello),
                         [](const auto& info) { return info.param.name; });

TEST_F(LinksTest, WhoSaysNothingIsTurnedAwayInTime) {
  times.hello = std::chrono::milliseconds(20);
  const auto carrier = dial();
  EXPECT_THAT(all_of(*carrier), HasSubstr("HELLO took longer than"));
}

TEST_F(LinksTest, WhoDribblesIsTurnedAwayInTime) {
  times.hello = std::chrono::milliseconds(20);
  const auto carrier = dial();
  run(say(*carrier, std::string(3, '\0'), false));
  EXPECT_THAT(all_of(*carrier), HasSubstr("HELLO took longer than"));
}

TEST_F(LinksTest, AnAgentStartedByHandTakesAnyJobName) {
  Hello hello = good_hello();
  EXPECT_TRUE(check_hello(hello, {.job_name = "", .program = "rdev-agent 0.1.0"}));
}

TEST_F(LinksTest, UnknownFieldsAndFeaturesAreIgnored) {
  Hello hello = good_hello();
  hello.set_minor(7);
  hello.add_features("telepathy");
  const Laptop& laptop = connected(with_unknown_field(hello));
  EXPECT_EQ(laptop.welcome->major(), 1u);
  EXPECT_EQ(laptop.welcome->minor(), 0u);
  EXPECT_EQ(laptop.welcome->features_size(), 0);
  EXPECT_EQ(laptop.welcome->program(), "rdev-agent 0.1.0");
}

// What follows HELLO in the same piece is not lost.
TEST_F(LinksTest, HelloMayComeWithMore) {
  times.heartbeat = std::chrono::milliseconds(10);
  Laptop& laptop = *laptops.emplace_back(std::make_unique<Laptop>(executor));
  Heartbeat heartbeat;
  heartbeat.set_sent_us(42);
  laptop.endpoint.send(wire::Type::kHello, good_hello().SerializeAsString());
  laptop.endpoint.send(wire::Type::kHeartbeat, heartbeat.SerializeAsString());
  tasks.spawn("laptop", laptop.run(dial()));
  until(laptop, [&] { return laptop.echoed() == 42; });
}

TEST(Secret, Compare) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("xbc", "abc"));
  EXPECT_FALSE(same_secret("ab", "abc"));
  EXPECT_TRUE(same_secret("", ""));
}

}  // namespace
}  // namespace rdev::agent_link
