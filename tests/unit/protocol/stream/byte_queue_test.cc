#include "protocol/stream/byte_queue.h"

#include <gtest/gtest.h>

namespace rdev::stream {
namespace {

TEST(ByteQueue, GivesBackWhatItTookInAnyPieces) {
  ByteQueue queue;
  std::string in, out;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::string piece(i * 37 % 5000, static_cast<char>('a' + i % 26));
    queue.append(piece);
    in += piece;
    char buffer[4000];
    out.append(buffer, queue.take(buffer, i * 91 % sizeof buffer));
    EXPECT_EQ(queue.size(), in.size() - out.size());
  }
  while (!queue.empty()) {
    char buffer[777];
    out.append(buffer, queue.take(buffer, sizeof buffer));
  }
  EXPECT_EQ(in, out);
  queue.append("x");
  queue.clear();
  char byte;
  EXPECT_EQ(queue.take(&byte, 1), 0u);
}

}  // namespace
}  // namespace rdev::stream
