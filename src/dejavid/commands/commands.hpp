#pragma once

#include <filesystem>
#include <string>

#include "dist/communicator.hpp"
#include "src/config/command_line.hpp"
#include "src/job/exit_code.hpp"

/// What `dejavid_dist` does, one function a subcommand. All are collective and throw dist::AgreedFailure. `given`: the
/// keys that the user gave, which a model or a run must not contradict.
namespace alignment::dejavid {

struct Config;

/// Trains into the run directory; kStopped where the run was asked to stop and can be resumed.
[[nodiscard]] ExitCode run_training(const Invocation& asked, dist::Communicator& communicator);
/// Computes the centroids that training would start from and writes them as a model file.
void run_centroids(Config config, const std::filesystem::path& out, dist::Communicator& communicator);
/// Prints loss, top-1, top-5, per-class accuracy and the averaging baseline; also as JSON where `json` is not empty.
void run_evaluation(Config config, const GivenKeys& given, const std::filesystem::path& json,
                    dist::Communicator& communicator);
/// Prints top-1 and per-class accuracy of the nearest training sample under dependent DTW; also as JSON where `json` is
/// not empty.
void run_neighbours(Config config, const std::filesystem::path& json, dist::Communicator& communicator);
/// Writes a CSV of predictions: id,label,prediction,confidence,top5 as positions in the model's classes, then
/// label_name,prediction_name,top5_names. A label that is not known, or not to the model, is empty.
void run_prediction(Config config, const GivenKeys& given, const std::filesystem::path& out,
                    dist::Communicator& communicator);
struct AlignmentRequest {
  std::string sample;         ///< its id
  std::string against;        ///< a class of the model, or "nearest": the nearest other; empty: its own where wrong
  std::filesystem::path out;  ///< a folder; empty: one named after the sample
};
/// Aligns a sample with the class that the model predicts, and with the one to compare it with: alignment.csv, .json
/// and .svg.
void run_alignment(Config config, const GivenKeys& given, const AlignmentRequest& request,
                   dist::Communicator& communicator);
/// Files that a report is written to and made from beside the run's.
struct ReportFiles {
  std::filesystem::path out;            ///< empty: report.html in the folder of the run
  std::filesystem::path feature_names;  ///< a name a line; empty: features are numbered
};
/// Writes one HTML page about the run in run.dir: curves, weights and settings, and with data.store what its model does
/// on eval.split: numbers of run_evaluation(), errors and the hardest samples.
void run_report(Config config, const GivenKeys& given, const ReportFiles& files, dist::Communicator& communicator);
/// Prints what the job runs on and whether its ranks can speak to each other; kOther where they cannot.
[[nodiscard]] ExitCode run_diagnosis(const Config& config, dist::Communicator& communicator);

}  // namespace alignment::dejavid
