// A Jupyter notebook as a job: run from its first cell to its last, and shown as a page.
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "client/commands/browser.h"
#include "client/commands/job.h"
#include "client/commands/job_run.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;

// What the image has is taken as it is.
constexpr const char* kConvert = R"py(import os, subprocess, sys
try:
    import nbconvert, ipykernel
except ImportError:
    if subprocess.call([sys.executable, "-m", "pip", "install", "--quiet", "nbconvert", "ipykernel"]):
        sys.exit("rdev: nbconvert and ipykernel could not be installed")
os.execv(sys.executable, [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", sys.argv[1]]))py";

struct Options {
  RunOptions run;
  std::string notebook;
  bool no_open = false;
};

awaitable<Result<int>> notebook(Context& context, Options& options) {
  const fs::path file(options.notebook);
  std::error_code error;
  if (file.extension() != ".ipynb" || !fs::is_regular_file(file, error)) {
    co_return fail(Code::kUsage,
                   options.notebook + (file.extension() == ".ipynb" ? ": there is no such file"
                                                                    : " is no notebook, F.ipynb"));
  }
  const fs::path page = file.stem().string() + ".html";
  options.run.own_sources = {options.notebook};
  options.run.results = {page.string()};
  options.run.script.command = {"python", "-c", kConvert, "./" + file.filename().string()};
  const auto code = co_await run_job(context, options.run);
  if (!code || *code != 0 || options.run.up.preview) {
    co_return code;
  }
  const fs::path whole = fs::absolute(page, error);
  if (const auto printed = print(whole.string() + "\n"); !printed) {
    co_return tl::make_unexpected(printed.error());
  }
  if (!options.no_open && ::isatty(STDOUT_FILENO) == 1) {
    if (const auto opened = open_in_browser("file://" + whole.string()); !opened) {
      note(opened.error().message);
    }
  }
  co_return 0;
}

}  // namespace

void add_job_notebook(CLI::App& job, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb =
      add_verb(job, "notebook", "Run a Jupyter notebook as a job, fetch it as a page and open that",
               "rdev job notebook train.ipynb --gpus 1 --pip torchvision");
  verb->add_option("F.ipynb", o->notebook, "The notebook; it stays as it is")->required();
  add_run_options(*verb, o->run);
  verb->add_flag("--no-open", o->no_open, "Only fetch the page, F.html in the working directory");
  verb->callback(
      [o, chosen] { *chosen = [o](Context& context) { return notebook(context, *o); }; });
}

}  // namespace rdev::commands
