// What many streams hold together, and that each of them goes on.
#include "protocol/mux/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/unit/protocol/mux/pair.h"

namespace rdev::mux {
namespace {

constexpr std::size_t kLimit = 1 << 20;
constexpr std::size_t kOwn = kLimit / 4 * 3;  // of a session, where several share kLimit
const std::string kMuch(std::size_t{1} << 16, 'x');

std::shared_ptr<Memory> memory(std::size_t limit = kLimit,
                               std::shared_ptr<Memory> above = nullptr) {
  return std::make_shared<Memory>(limit, std::move(above), 100);
}

Options with(std::shared_ptr<Memory> its) {
  return {.most_window = 8U << 20U, .memory = std::move(its)};
}

// Two ends with memories of their own.
struct Two : Pair {
  explicit Two(std::shared_ptr<Memory> at_client, std::shared_ptr<Memory> at_agent)
      : Pair(with(std::move(at_client)), with(std::move(at_agent))) {}
};

// As much as the mux takes.
std::size_t fill(Mux& mux, StreamId id) {
  std::size_t all = 0;
  while (const std::size_t n = mux.write(id, Lane::kData, kMuch)) {
    all += n;
  }
  return all;
}

// The agent sends so many bytes while the client reads; the round trips that it took.
int send(Pair& pair, StreamId id, std::size_t bytes) {
  int rounds = 0;
  for (std::size_t written = 0, read = 0; read < bytes && rounds < 1'000'000; ++rounds) {
    const std::string_view rest = std::string_view(kMuch).substr(0, bytes - written);
    written += pair.agent.write(id, Lane::kData, rest);
    Pair::move(pair.agent, pair.client);
    read += Pair::read(pair.client, id).size();
    Pair::move(pair.client, pair.agent);
  }
  return rounds;
}

TEST(Memory, ManyThatNobodyReadsLeaveRoomForTheNext) {
  const auto held = memory();
  Two pair(memory(), held);
  std::vector<StreamId> stuck;
  for (int i = 0; i < 500; ++i) {
    stuck.push_back(pair.opened());
    fill(pair.agent, stuck.back());
    pair.pump();
    fill(pair.agent, stuck.back());
    pair.pump();
    ASSERT_LE(held->used(), kLimit + stuck.size() * 2 * 100);
  }
  EXPECT_LT(held->used(), kLimit);
  const StreamId next = pair.opened();
  EXPECT_LT(send(pair, next, kLimit), 2000);
}

TEST(Memory, PromisesCountAsWell) {
  const auto held = memory();
  Two pair(memory(64 * kLimit), held);
  for (int i = 0; i < 500; ++i) {
    const StreamId id = pair.opened();
    fill(pair.client, id);
    pair.pump();
    ASSERT_LE(pair.agent.held(), held->used());
    ASSERT_LE(held->used(), kLimit + pair.agent.streams() * 2 * 100);
  }
}

TEST(Memory, WhatIsFullGoesOnBitByBit) {
  Two pair(memory(), memory(0));
  const StreamId id = pair.opened();
  EXPECT_EQ(fill(pair.agent, id), 100u);
  pair.pump();
  EXPECT_EQ(pair.agent.room(id, Lane::kData), 0u);
  pair.pump();  // it says that it waits
  EXPECT_EQ(Pair::read(pair.client, id).size(), 100u);
  pair.pump();
  EXPECT_EQ(Pair::told(pair.agent), "writable 0");
  EXPECT_EQ(pair.agent.room(id, Lane::kData), 100u);
  EXPECT_LT(send(pair, id, 50'000), 1000);
  // The other way: windows of 100 bytes.
  EXPECT_GT(fill(pair.client, id), 100u);
  pair.pump();
  EXPECT_EQ(pair.agent.readable(id, Lane::kData), 100u);
  EXPECT_EQ(Pair::read(pair.agent, id).size(), 100u);
  pair.pump();
  EXPECT_EQ(pair.agent.readable(id, Lane::kData), 100u);
}

TEST(Memory, WhatIsFreeIsAnybodys) {
  const auto held = memory();
  Two pair(memory(), held);
  const StreamId hog = pair.opened(), other = pair.opened();
  send(pair, hog, 4 * kLimit);  // it has shown what it takes
  const std::size_t most = fill(pair.agent, hog);
  EXPECT_GT(most, kLimit / 2);
  const std::size_t little = fill(pair.agent, other);
  pair.pump();
  while (!Pair::read(pair.client, hog).empty()) {
    pair.pump();
  }
  Pair::read(pair.client, other);
  pair.pump();
  EXPECT_GT(fill(pair.agent, other), little);
  pair.client.reset(hog, "enough");
  pair.client.reset(other, "enough");
  pair.pump();
  EXPECT_EQ(held->used(), 0u);
}

TEST(Memory, MuxesShareWhatIsAboveThem) {
  const auto above = memory(kLimit);
  Two one(memory(), memory(kLimit, above)), two(memory(), memory(kLimit, above));
  const StreamId ids[] = {one.opened(), two.opened()};
  send(one, ids[0], 4 * kLimit);
  send(two, ids[1], 4 * kLimit);
  const std::size_t first = fill(one.agent, ids[0]);
  const std::size_t second = fill(two.agent, ids[1]);
  EXPECT_GT(first, second);
  EXPECT_GE(above->used(), first + second);
  EXPECT_LE(above->used(), kLimit);
  two.agent.reset_all("over");
  EXPECT_GE(above->used(), first);
  one.agent.reset_all("over");
  EXPECT_EQ(above->used(), 0u);
}

// A laptop's link: the agent's end has a memory of its own, below that of all.
struct Session {
  explicit Session(const std::shared_ptr<Memory>& above)
      : its(memory(kOwn, above)), pair(memory(), its) {}
  // Streams that nobody reads, each way.
  void get_stuck(int count) {
    for (int i = 0; i < count; ++i) {
      stuck.push_back(pair.opened());
      written.push_back(fill(pair.agent, stuck.back()));
      fill(pair.client, stuck.back());
      pair.pump();
    }
  }
  // All that the agent wrote; how much.
  std::size_t read_all() {
    std::size_t read = 0;
    for (const StreamId id : stuck) {
      for (std::size_t n = 1; n > 0;) {
        n = Pair::read(pair.client, id).size();
        read += n;
        pair.pump();
      }
    }
    return read;
  }

  std::shared_ptr<Memory> its;
  Two pair;
  std::vector<StreamId> stuck;
  std::vector<std::size_t> written;
};

struct Sessions {
  Sessions() {
    for (int i = 0; i < kCount; ++i) {
      all.push_back(std::make_unique<Session>(above));
      all.back()->get_stuck(kStuck);
      EXPECT_LE(above->used(), most());
    }
  }
  std::size_t most() const { return kLimit + all.size() * kStuck * 4 * above->least(); }

  static constexpr int kCount = 6, kStuck = 60;
  std::shared_ptr<Memory> above = memory();
  std::vector<std::unique_ptr<Session>> all;
};

TEST(Memory, SessionsThatAreStuckLeaveRoomForAll) {
  Sessions sessions;
  EXPECT_GT(sessions.above->used(), kLimit / 2);
  for (const auto& session : sessions.all) {
    EXPECT_LE(session->its->used(), kOwn + session->its->least() * 4 * Sessions::kStuck);
    EXPECT_LT(send(session->pair, session->pair.opened(), kLimit / 8), 2000);
    EXPECT_LE(sessions.above->used(), sessions.most());
  }
  for (const auto& session : sessions.all) {
    const std::size_t all =
        std::accumulate(session->written.begin(), session->written.end(), std::size_t{0});
    EXPECT_EQ(session->read_all(), all);
    fill(session->pair.agent, session->stuck.front());
    EXPECT_LE(sessions.above->used(), sessions.most());
  }
}

TEST(Memory, ASessionThatEndsGivesBackWhatItHeld) {
  Sessions sessions;
  const auto used = [&sessions] { return sessions.above->used(); };
  Session& waiting = *sessions.all.back();
  const StreamId next = waiting.pair.opened();
  const std::size_t little = fill(waiting.pair.agent, next);
  const std::size_t before = used();
  const std::size_t first = sessions.all[0]->its->used();
  EXPECT_GT(first, 0u);
  sessions.all[0]->pair.agent.reset_all("over");
  EXPECT_EQ(used(), before - first);
  const std::size_t second = sessions.all[1]->its->used();
  sessions.all[1]->pair.agent.detach(Pair::kConsumer);
  EXPECT_EQ(used(), before - first - second);
  while (sessions.all.size() > 1) {
    sessions.all.erase(sessions.all.begin());
  }
  EXPECT_EQ(used(), waiting.its->used());
  // Without a word from the others.
  for (std::size_t read = 0; read < little;) {
    waiting.pair.pump();
    const std::size_t n = Pair::read(waiting.pair.client, next).size();
    ASSERT_GT(n, 0u);
    read += n;
  }
  waiting.pair.pump();
  EXPECT_GT(fill(waiting.pair.agent, next), 2 * little);
  sessions.all.clear();
  EXPECT_EQ(used(), 0u);
}

TEST(Memory, ANewConnectionAsksAgain) {
  Two pair(memory(), memory(0));
  const StreamId id = pair.opened();
  fill(pair.agent, id);
  Pair::move(pair.agent, pair.client);
  pair.agent.room(id, Lane::kData);
  std::string lost;
  pair.agent.produce(lost, 100'000);
  pair.agent.suspend();
  pair.client.suspend();
  pair.client.resume();
  pair.pump();
  Pair::read(pair.client, id);
  pair.pump();
  EXPECT_EQ(Pair::told(pair.agent), "writable 0");
}

}  // namespace
}  // namespace rdev::mux
