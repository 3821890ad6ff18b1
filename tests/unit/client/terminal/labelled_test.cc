#include "client/terminal/labelled.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "protocol/base/all_of.h"
#include "tests/unit/client/terminal/pipe.h"
#include "tests/unit/run.h"

namespace rdev::terminal {
namespace {

TEST(Labeller, LabelsWholeLines) {
  Labeller labeller("3: ");
  EXPECT_EQ(labeller.add("one\ntw"), "3: one\n");
  EXPECT_EQ(labeller.add("o\n\n"), "3: two\n3: \n");
  EXPECT_EQ(labeller.rest(), "");
  EXPECT_EQ(labeller.add("half"), "");
  EXPECT_EQ(labeller.rest(), "3: half\n");
  EXPECT_EQ(labeller.rest(), "");
}

TEST(Labeller, CutsALineThatIsTooLong) {
  Labeller labeller("x ");
  std::string text = labeller.add(std::string(Labeller::kLongest + 5, 'a') + "\n");
  EXPECT_EQ(text, "x " + std::string(Labeller::kLongest, 'a') + "\nx aaaaa\n");
  // One of just that length is one line.
  text = labeller.add(std::string(Labeller::kLongest, 'b') + "\nc\n");
  EXPECT_EQ(text, "x " + std::string(Labeller::kLongest, 'b') + "\nx c\n");
}

awaitable<Result<void>> write_often(LabelledOutput& output, char what) {
  // Longer than the piece that is written at once.
  const std::string line = std::string(3 * kPieceBytes / 2, what) + "\n";
  for (int i = 0; i < 20; ++i) {
    if (auto written = co_await output.write(line); !written) {
      co_return written;
    }
  }
  co_return co_await output.flush();
}

TEST(LabelledOutput, KeepsWhatIsWrittenAtOnceTogether) {
  test::Pipe pipe;
  std::string seen;
  std::thread reader([&] { seen = test::read_all(pipe.read.get()); });
  asio::io_context loop;
  {
    LabelledOutput output(loop.get_executor(), pipe.write.get());
    std::vector<awaitable<Result<void>>> writers;
    for (const char c : {'a', 'b', 'c'}) {
      writers.push_back(write_often(output, c));
    }
    EXPECT_TRUE(test::run(loop, base::all_of(std::move(writers))));
  }
  pipe.write.reset();
  reader.join();
  EXPECT_EQ(seen.size(), 60 * (3 * kPieceBytes / 2 + 1));
  for (std::size_t at = 0; at < seen.size();) {
    const std::size_t end = seen.find('\n', at);
    EXPECT_EQ(seen.substr(at, end - at), std::string(end - at, seen[at]));
    at = end + 1;
  }
}

}  // namespace
}  // namespace rdev::terminal
