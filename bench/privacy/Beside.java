// ARX on one table, for bench/privacy/run.py: its anonymize() alone, the table loaded anew for each repetition.
//   java Beside TABLE HIERARCHY_PREFIX QI,QI,... K LIMIT REPETITIONS
// prints one line per repetition: seconds, loss, rows suppressed, levels. ARX is Apache-2.0 and no part of Datong.
import java.io.File;
import java.nio.charset.StandardCharsets;
import org.deidentifier.arx.*;
import org.deidentifier.arx.AttributeType.Hierarchy;
import org.deidentifier.arx.criteria.KAnonymity;
import org.deidentifier.arx.metric.Metric;

public class Beside {
    public static void main(String[] a) throws Exception {
        String[] qis = a[2].split(",");
        for (int r = 0; r < Integer.parseInt(a[5]); r++) {
            Data data = Data.create(new File(a[0]), StandardCharsets.UTF_8, ';');
            DataHandle handle = data.getHandle();
            for (int i = 0; i < handle.getNumColumns(); i++)
                data.getDefinition().setAttributeType(handle.getAttributeName(i), AttributeType.INSENSITIVE_ATTRIBUTE);
            for (String qi : qis) {
                data.getDefinition().setAttributeType(qi, AttributeType.QUASI_IDENTIFYING_ATTRIBUTE);
                data.getDefinition().setHierarchy(qi, Hierarchy.create(new File(a[1] + qi + ".csv"), StandardCharsets.UTF_8, ';'));
            }
            ARXConfiguration config = ARXConfiguration.create();
            config.addPrivacyModel(new KAnonymity(Integer.parseInt(a[3])));
            config.setSuppressionLimit(Double.parseDouble(a[4]));
            config.setQualityModel(Metric.createLossMetric(Metric.AggregateFunction.ARITHMETIC_MEAN));
            long begun = System.nanoTime();
            ARXResult result = new ARXAnonymizer().anonymize(data, config);
            double seconds = (System.nanoTime() - begun) / 1e9;
            StringBuilder levels = new StringBuilder();
            ARXLattice.ARXNode best = result.getGlobalOptimum();
            for (String qi : qis) levels.append(best.getGeneralization(qi));
            DataHandle out = result.getOutput(false);
            int gone = 0;
            for (int i = 0; i < out.getNumRows(); i++) if (out.isOutlier(i)) gone++;
            System.out.println(seconds + " " + best.getHighestScore() + " " + gone + " " + levels);
            data.getHandle().release();
        }
    }
}
