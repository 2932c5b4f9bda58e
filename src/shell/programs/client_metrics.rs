//! What `--print-metrics` prints (`ToolsUtils.printMetrics`).

use crate::kafka::client::metrics::Metric;
use crate::ordered::BTreeMap;

/// A heading and a line for each metric, in the order of group, name and tags.
pub fn lines(metrics: &[Metric], client: &str) -> Vec<String> {
    let named = metrics.iter().map(|metric| {
        let topic = metric.topic.as_ref().map(|topic| format!(", topic={topic}"));
        let tags = format!("client-id={client}{}", topic.unwrap_or_default());
        (format!("{}:{}:{{{tags}}}", metric.group, metric.name), metric.value)
    });
    let sorted: BTreeMap<String, f64> = named.collect();
    let width = sorted.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    let head = [String::new(), format!("{:width$}   Value", "Metric Name")];
    let each = sorted.iter().map(|(name, value)| format!("{name:width$} : {value:.3}"));
    head.into_iter().chain(each).collect()
}
