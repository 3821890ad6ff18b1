#include "client/tunnels/shared_link.h"

#include <gmock/gmock.h>

#include "protocol/base/task_group.h"
#include "tests/unit/client/tunnels/fake_agent.h"

namespace rdev::tunnels {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class Shared : public testing::Test {
 protected:
  explicit Shared(milliseconds first_pause = milliseconds(10)) : first_pause_(first_pause) {}
  void run(awaitable<void> task) { test::run(context_, std::move(task)); }

  void start() { tasks_.spawn("link", keep()); }
  awaitable<void> keep() { over_ = co_await link_.run(); }
  awaitable<void> stop() {
    tasks_.cancel();
    co_await tasks_.wait();
  }
  awaitable<void> open() { opened_ = co_await link_.open({}); }

  const milliseconds first_pause_;
  asio::io_context context_{1};
  FakeAgent agent_{context_.get_executor()};
  SharedLink link_{context_.get_executor(), agent_.connect(),
                   SharedLinkOptions{.patience = milliseconds(300),
                                     .first_pause = first_pause_,
                                     .longest_pause = milliseconds(10000)}};
  base::TaskGroup tasks_{context_.get_executor()};
  std::optional<Error> over_;
  std::optional<Result<link::Opened>> opened_;
};

CO_TEST_F(Shared, OpensOverALinkThatIsUp) {
  start();
  EXPECT_TRUE(co_await link_.wait_until_up());
  EXPECT_TRUE(co_await link_.open({}));
  EXPECT_EQ(agent_.attempts, 1);
  co_await stop();
}

CO_TEST_F(Shared, AStreamWaitsForTheNextLink) {
  start();
  EXPECT_TRUE(co_await link_.wait_until_up());
  agent_.cut();
  tasks_.spawn("open", open());  // over the link that is lost
  co_await asio::post(context_, asio::use_awaitable);
  co_await asio::post(context_, asio::use_awaitable);
  EXPECT_FALSE(opened_);
  agent_.restore();
  (void)co_await agent_.next();
  co_await asio::post(context_, asio::use_awaitable);
  EXPECT_TRUE(opened_ && *opened_);
  co_await stop();
}

CO_TEST_F(Shared, AStreamDoesNotWaitForEver) {
  agent_.cut();
  start();
  const auto opened = co_await link_.open({});
  EXPECT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kTimeout);
  EXPECT_THAT(opened.error().message, HasSubstr("waiting for the link"));
  co_await stop();
}

CO_TEST_F(Shared, AStreamLearnsWhyThereIsNoLink) {
  agent_.error = Error{Code::kPermission, "the key was refused"};
  start();
  const auto opened = co_await link_.open({});
  EXPECT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("the key was refused"));
  co_await stop();
}

// The pause has grown to seconds: a stream that waits makes it short.
CO_TEST_F(Shared, AStreamThatWaitsShortensThePause) {
  agent_.error = Error{Code::kUnavailable, "no route"};
  start();
  while (agent_.attempts < 6) {  // 10, 20, 40, 80, 160 ms; then 320
    (void)co_await link_.open({});
  }
  const auto began = std::chrono::steady_clock::now();
  (void)co_await link_.open({});
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(200));
  co_await stop();
}

class SharedAndPatient : public Shared {
 protected:
  SharedAndPatient() : Shared(milliseconds(200)) {}
};

CO_TEST_F(SharedAndPatient, IsUpAgainAtOnceUnlessItsLinksDoNotLive) {
  start();
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(co_await link_.wait_for_another(i, milliseconds(10000)));
    if (i == 1) {
      EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(200));
    }
    agent_.cut();
    agent_.restore();
  }
  // 200 and 400 ms.
  EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(600));
  co_await stop();
}

CO_TEST_F(Shared, IsOverWithTheJob) {
  start();
  EXPECT_TRUE(co_await link_.wait_until_up());
  agent_.error = Error{Code::kClosed, "the job has ended"};
  agent_.cut();
  const auto opened = co_await link_.open({});
  EXPECT_EQ(opened.error().message, "the job has ended");
  EXPECT_FALSE(co_await link_.wait_until_up());
  EXPECT_FALSE(co_await link_.first_attempt());
  co_await tasks_.wait();
  EXPECT_EQ(over_->message, "the job has ended");
}

CO_TEST_F(Shared, ALossThatIsFinalIsTheEnd) {
  start();
  EXPECT_TRUE(co_await link_.wait_until_up());
  agent_.cut({Code::kClosed, "the job has ended"});
  co_await tasks_.wait();
  EXPECT_EQ(over_->message, "the job has ended");
  EXPECT_EQ(agent_.attempts, 1);
}

CO_TEST_F(Shared, ARefusalIsTheAgentsOwnWord) {
  start();
  agent_.refuse = [](const StreamRequest&) { return "connection refused"; };
  const auto opened = co_await link_.open({});
  EXPECT_EQ(opened.error().message, "connection refused");
  EXPECT_EQ(agent_.attempts, 1);
  co_await stop();
}

CO_TEST_F(Shared, GivesWhatComesBelowAStreamToWhoListens) {
  start();
  std::vector<std::unique_ptr<link::Offer>> offers;
  const front::OnAccepted accepted = [&](const Accepted&, std::unique_ptr<link::Offer> offer) {
    offers.push_back(std::move(offer));
  };
  // One comes before the id is known.
  std::shared_ptr<stream::Answer> early;
  std::shared_ptr<stream::Answer> foreign;
  agent_.opening = [&](mux::StreamId id) {
    early = agent_.accept(id);
    foreign = agent_.accept(id + 1);
  };
  const auto listening = co_await link_.listen({}, accepted);
  EXPECT_TRUE(listening);
  EXPECT_EQ(offers.size(), 1U);
  EXPECT_TRUE(foreign->refused);
  const auto later = agent_.accept(listening->id);
  EXPECT_EQ(offers.size(), 2U);
  EXPECT_FALSE(later->answered());
  link_.forget(listening->id);
  EXPECT_TRUE(agent_.accept(listening->id)->refused);
  co_await stop();
}

awaitable<void> wait_for_loss(SharedLink& link, std::vector<std::string>& losses) {
  losses.push_back((co_await link.lost()).message);
}

CO_TEST_F(Shared, TellsWhoWaitsThatTheLinkIsLost) {
  std::vector<std::string> losses;
  base::TaskGroup waiting(context_.get_executor());
  waiting.spawn("loss", wait_for_loss(link_, losses));
  start();
  EXPECT_TRUE(co_await link_.open({}));
  EXPECT_THAT(losses, testing::IsEmpty());
  agent_.cut({Code::kUnavailable, "the line is dead"});
  co_await waiting.wait();
  EXPECT_THAT(losses, testing::ElementsAre("the line is dead"));
  co_await stop();
}

}  // namespace
}  // namespace rdev::tunnels
