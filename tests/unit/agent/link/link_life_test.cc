#include "tests/unit/agent/link/link_lab.h"

// Heartbeats, silence, replaced sessions, goodbyes.
namespace rdev::agent_link {
namespace {

using Offered = std::unique_ptr<link::Offer>;

TEST_F(LinksTest, TheFirstHeartbeatComesAtOnceWithVitals) {
  vitals = [] {
    Vitals now;
    now.set_load(1.5);
    now.set_memory_used(10);
    now.set_remaining_s(60);
    return now;
  };
  Laptop& laptop = connected();
  until(laptop, [&] { return !laptop.heartbeats.empty(); });
  const Heartbeat& heartbeat = laptop.heartbeats[0];
  EXPECT_GT(heartbeat.sent_us(), 0u);
  EXPECT_EQ(heartbeat.echo_us(), 0u);
  EXPECT_EQ(heartbeat.vitals().load(), 1.5);
  EXPECT_EQ(heartbeat.vitals().memory_used(), 10u);
  EXPECT_EQ(heartbeat.vitals().remaining_s(), 60u);
}

TEST_F(LinksTest, HeartbeatsEchoTheLaptops) {
  times.heartbeat = std::chrono::milliseconds(10);
  Laptop& laptop = connected();
  Heartbeat heartbeat;
  heartbeat.set_sent_us(123456);
  const auto sent = std::chrono::steady_clock::now();
  laptop.endpoint.send(wire::Type::kHeartbeat, heartbeat.SerializeAsString());
  until(laptop, [&] { return laptop.echoed() == 123456; });
  const auto first = laptop.heartbeats.back();
  const std::size_t count = laptop.heartbeats.size();
  until(laptop, [&] { return laptop.heartbeats.size() > count; });
  const auto second = laptop.heartbeats.back();
  EXPECT_EQ(second.echo_us(), 123456u);
  // As much later as it was sent later, but for the rounding.
  EXPECT_NEAR(static_cast<double>(second.echo_delay_us() - first.echo_delay_us()),
              static_cast<double>(second.sent_us() - first.sent_us()), 1);
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - sent);
  EXPECT_LE(second.echo_delay_us(), static_cast<std::uint64_t>(since.count()));
}

TEST_F(LinksTest, AHeartbeatThatAsksForItIsAnsweredAtOnce) {
  times.heartbeat = std::chrono::seconds(60);
  Laptop& laptop = connected();
  until(laptop, [&] { return laptop.heartbeats.size() == 1; });
  Heartbeat heartbeat;
  heartbeat.set_sent_us(123456);
  heartbeat.set_answer_now(true);
  laptop.endpoint.send(wire::Type::kHeartbeat, heartbeat.SerializeAsString());
  until(laptop, [&] { return laptop.heartbeats.size() == 2; });
  EXPECT_EQ(laptop.echoed(), 123456u);
}

TEST_F(LinksTest, AnUnreadableHeartbeatEndsTheLink) {
  Laptop& laptop = connected();
  laptop.endpoint.send(wire::Type::kHeartbeat, "\xff");
  ended(laptop);
  EXPECT_THAT(laptop.goodbye, HasSubstr("heartbeat cannot be read"));
}

TEST_F(LinksTest, VitalsAreReadForHeartbeatsOnly) {
  int reads = 0;
  vitals = [&reads] {
    ++reads;
    return Vitals();
  };
  make_links();
  context.restart();
  EXPECT_EQ(context.poll(), 0u);  // without a link there is nothing to wait for
  Laptop& laptop = connected();
  until(laptop, [&] { return !laptop.heartbeats.empty(); });
  EXPECT_EQ(reads, 1);
}

TEST_F(LinksTest, ASilentLaptopIsGivenUp) {
  times.heartbeat = std::chrono::milliseconds(10);
  times.silence = std::chrono::milliseconds(50);
  Laptop& laptop = connected();
  ended(laptop);
  EXPECT_THAT(laptop.goodbye, HasSubstr("nothing was heard"));
  EXPECT_GE(laptop.heartbeats.size(), 3u);
}

TEST_F(LinksTest, AnyFrameIsASignOfLife) {
  times.heartbeat = std::chrono::milliseconds(10);
  times.silence = std::chrono::milliseconds(60);
  Laptop& laptop = connected();
  for (std::size_t beats = 1; beats < 15; ++beats) {
    until(laptop, [&] { return laptop.heartbeats.size() >= beats; });
    laptop.endpoint.send(wire::Type::kAskStatus, "");
  }
  EXPECT_FALSE(laptop.ended);
}

// Dead both ways: heartbeats do not pile up, and the goodbye is not waited for.
TEST_F(LinksTest, ADeadConnectionIsGivenUp) {
  times.heartbeat = std::chrono::milliseconds(5);
  times.silence = std::chrono::milliseconds(60);
  int reads = 0;
  vitals = [&reads] {
    ++reads;
    return Vitals();
  };
  const auto carrier = dial("SHA256:mine", 100);
  std::string hello;
  wire::append_frame(hello, {.type = wire::Type::kHello}, good_hello().SerializeAsString());
  run(write(*carrier, hello));
  while (links->size() == 0) {
    context.run_one();
  }
  while (links->size() != 0) {
    context.run_one();
  }
  EXPECT_GE(reads, 1);
  EXPECT_LE(reads, 3);
}

TEST_F(LinksTest, TheLaptopMaySayGoodbye) {
  Laptop& laptop = connected();
  laptop.endpoint.send(wire::Type::kGoodbye, goodbye("enough"));
  ended(laptop);
  EXPECT_EQ(laptop.goodbye, "");
}

TEST_F(LinksTest, SeveralLaptopsAtOnce) {
  Laptop& first = connected();
  Hello other = good_hello();
  other.set_session_id(std::string(16, 'j'));
  const Laptop& second = connected(other);
  EXPECT_EQ(links->size(), 2u);
  EXPECT_FALSE(first.ended);
  EXPECT_FALSE(second.ended);
}

TEST_F(LinksTest, TheSameSessionReplacesItsConnection) {
  Laptop& first = connected();
  const Laptop& second = connected();
  ended(first);
  EXPECT_THAT(first.goodbye, HasSubstr("goes on over another connection"));
  EXPECT_FALSE(second.ended);
  EXPECT_EQ(links->size(), 1u);
}

Hello hello_of(const std::string& process, std::uint64_t attempt) {
  Hello hello = good_hello();
  hello.set_process_id(process);
  hello.set_attempt(attempt);
  return hello;
}

TEST_F(LinksTest, ATryThatWasGivenUpDoesNotReplaceALaterOne) {
  const Laptop& second = connected(hello_of("one", 2));
  for (const std::uint64_t late : {1U, 2U}) {
    Laptop& first = connect(hello_of("one", late));
    ended(first);
    EXPECT_THAT(first.goodbye, HasSubstr("a later try of the same process"));
    EXPECT_FALSE(first.welcome);
  }
  EXPECT_FALSE(second.ended);
  EXPECT_EQ(second.goodbye, "");
}

TEST_F(LinksTest, ALaterTryAndAnotherProcessReplaceAnEarlierOne) {
  Laptop& first = connected(hello_of("one", 2));
  Laptop& second = connected(hello_of("one", 3));
  ended(first);
  Laptop& other = connected(hello_of("another", 1));
  ended(second);
  // Of a program that does not count.
  Laptop& former = connected(hello_of("another", 0));
  ended(other);
  EXPECT_FALSE(former.ended);
}

// As a DETACH that was on its way when its link process was killed, and the next one has dialled.
TEST_F(LinksTest, WhatComesLateOverTheFormerConnectionIsDropped) {
  const auto former = dial("SHA256:mine", 20);  // so small that its GOODBYE waits to be read
  mux::Mux process({.side = mux::Side::kClient, .consumer = Laptop::kConsumer});
  StreamRequest request;
  request.mutable_session();
  ASSERT_TRUE(process.open(request.SerializeAsString()));
  std::string bytes;
  wire::append_frame(bytes, {.type = wire::Type::kHello}, good_hello().SerializeAsString());
  process.produce(bytes, 1000);
  run(write(*former, bytes));
  EXPECT_EQ(connected().welcome->consumers_size(), 1);
  std::string late;
  wire::append_frame(
      late, {.type = wire::Type::kDetach, .stream = mux::prefix_of(Laptop::kConsumer)}, "");
  tasks.spawn("late", write(*former, late));
  EXPECT_EQ(connected().welcome->consumers_size(), 1);
}

TEST_F(LinksTest, AnotherSecretDoesNotReplaceIt) {
  Laptop& first = connected();
  Hello wrong = good_hello();
  wrong.set_session_secret(std::string(31, 's') + 't');
  Laptop& second = connect(wrong);
  ended(second);
  EXPECT_THAT(second.goodbye, HasSubstr("belongs to somebody else"));
  EXPECT_FALSE(second.welcome);
  EXPECT_FALSE(first.ended);
}

TEST_F(LinksTest, AnotherKeyDoesNotReplaceIt) {
  Laptop& first = connected();
  Laptop& second = connect(good_hello(), "SHA256:yours");
  ended(second);
  EXPECT_THAT(second.goodbye, HasSubstr("belongs to somebody else"));
  EXPECT_FALSE(first.ended);
}

awaitable<void> stop_all(Links& links) { co_await links.stop("the job's lifetime is over"); }

// Serves a session that says a line now and another one when it is told to.
awaitable<void> two_lines(base::Notify& told, Offered offer) {
  const auto stream = offer->accept();
  co_await write(*stream, "before\n");
  co_await told.wait();
  co_await write_and_end(*stream, "after\n");
  char byte;
  (void)co_await stream->read(asio::buffer(&byte, 1));
}

StreamRequest session_request() {
  StreamRequest request;
  request.mutable_session();
  return request;
}

class LingeringLinks : public LinksTest {
 protected:
  LingeringLinks() {
    times.linger = std::chrono::hours(24);
    kinds.session = [this](const Session&, Offered offer) {
      return two_lines(told, std::move(offer));
    };
  }
  ~LingeringLinks() override {
    if (links) {
      run(stop_all(*links));
    }
  }
  base::Notify told{executor};
};

TEST_F(LingeringLinks, StreamsGoOnWhereTheyWere) {
  Laptop& laptop = connected();
  EXPECT_EQ(laptop.welcome->consumers_size(), 0);
  const auto opened = open(laptop, session_request());
  laptop.carrier->close();
  ended(laptop);
  told.notify();
  EXPECT_EQ(links->size(), 1u);

  laptop.welcome.reset();
  laptop.ended.reset();
  laptop.endpoint.send(wire::Type::kHello, good_hello().SerializeAsString());
  tasks.spawn("laptop again", laptop.run(dial()));
  until(laptop, [&] { return laptop.welcome.has_value(); });
  ASSERT_EQ(laptop.welcome->consumers_size(), 1);
  EXPECT_EQ(laptop.welcome->consumers(0), Laptop::kConsumer);
  laptop.endpoint.resume();
  EXPECT_EQ(all_of(*opened->stream), "before\nafter\n");
}

TEST_F(LingeringLinks, AnAgentThatDoesNotKnowTheStreamsSaysSo) {
  Laptop& laptop = connected();
  const auto opened = open(laptop, session_request());
  laptop.carrier->close();
  ended(laptop);
  run(stop_all(*links));
  make_links();

  laptop.ended.reset();
  laptop.endpoint.send(wire::Type::kHello, good_hello().SerializeAsString());
  laptop.endpoint.resume();
  tasks.spawn("laptop again", laptop.run(dial()));
  ended(laptop);
  EXPECT_EQ(laptop.ended->code, Code::kNotFound);
  EXPECT_THAT(laptop.ended->message, HasSubstr("started anew"));
}

TEST_F(LingeringLinks, AFormerSessionEndsWhenItsLaptopBeginsAnother) {
  Laptop& first = connected();
  first.carrier->close();
  ended(first);
  Hello second = good_hello();
  second.set_session_id(std::string(16, 'j'));
  second.set_former_id(good_hello().session_id());
  second.set_former_secret("wrong");
  connected(second);
  EXPECT_EQ(links->size(), 2u);
  second.set_session_id(std::string(16, 'k'));
  second.set_former_secret(good_hello().session_secret());
  Laptop& third = connected(second);
  until(third, [&] { return links->size() == 2 && !third.heartbeats.empty(); });
}

TEST_F(LingeringLinks, SessionsWhoseLaptopNeverComesBackDoNotAddUp) {
  for (char i = 0; i < 40; ++i) {
    Hello hello = good_hello();
    hello.set_session_id(std::string(16, static_cast<char>('A' + i)));
    Laptop& laptop = connected(hello);
    laptop.carrier->close();
    ended(laptop);
  }
  EXPECT_LE(links->size(), 33u);
  EXPECT_GE(links->size(), 32u);
}

TEST_F(LinksTest, AWaitingSessionEndsAfterItsTime) {
  times.linger = std::chrono::milliseconds(20);
  Laptop& laptop = connected();
  laptop.carrier->close();
  ended(laptop);
  EXPECT_EQ(links->size(), 1u);
  while (links->size() != 0) {
    context.restart();
    context.run_one();
  }
}

awaitable<Result<void>> stop(Links& links) {
  co_await links.stop("the job's lifetime is over");
  co_return Result<void>();
}

TEST_F(LinksTest, AStopIsSaidToAllAndToWhoComesLater) {
  Laptop& first = connected();
  Hello other = good_hello();
  other.set_session_id(std::string(16, 'j'));
  Laptop& second = connected(other);
  run(stop_all(*links));
  EXPECT_EQ(links->size(), 0u);
  ended(first);
  ended(second);
  EXPECT_EQ(first.goodbye, "the job's lifetime is over");
  EXPECT_EQ(second.goodbye, "the job's lifetime is over");
  Laptop& third = connect();
  ended(third);
  EXPECT_EQ(third.goodbye, "the job's lifetime is over");
  EXPECT_FALSE(third.welcome);
}

// Has much to say when its process has ended.
awaitable<void> last_words(base::Notify& dying, Offered offer) {
  const auto stream = offer->accept();
  co_await dying.wait();
  const std::string words(100000, 'w');
  (void)co_await stream->write(asio::buffer(words));
  stream->send_event(stream::ExitStatus{.code = 143});
  stream->write_eof();
  stream->close();
}

TEST_F(LinksTest, TheLastWordsOfSessionsGoAheadOfTheGoodbye) {
  base::Notify dying(executor);
  kinds.session = [&](const Session&, Offered offer) {
    return last_words(dying, std::move(offer));
  };
  Laptop& laptop = connected();
  StreamRequest request;
  request.mutable_session();
  const auto opened = open(laptop, request);
  ASSERT_TRUE(opened);
  dying.notify();
  tasks.spawn("stop", stop(*links));
  EXPECT_EQ(all_of(*opened->stream).size(), 100000u);
  std::optional<std::uint32_t> code;
  run(exit_code(*opened->stream, code));
  EXPECT_EQ(code, 143u);
  ended(laptop);
  EXPECT_EQ(laptop.goodbye, "the job's lifetime is over");
}

}  // namespace
}  // namespace rdev::agent_link
